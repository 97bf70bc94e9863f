// Colours, for terminals that have them and people who want them.
import { styleText } from "node:util";

type Paint = (text: string) => string;

export interface Palette {
  readonly strong: Paint;
  readonly faint: Paint;
  readonly leader: Paint;
  readonly good: Paint;
  readonly bad: Paint;
}

interface Terminal {
  readonly isTTY?: boolean;
}

/** NO_COLOR counts when it is set and not empty (no-color.org). */
export function wantsColours(output: Terminal, env: Readonly<Record<string, string | undefined>>): boolean {
  const { NO_COLOR: noColour = "", TERM: term } = env;
  return output.isTTY === true && noColour === "" && term !== "dumb";
}

export function createPalette(colours: boolean): Palette {
  const paint = (format: Parameters<typeof styleText>[0]): Paint =>
    colours ? (text) => styleText(format, text, { validateStream: false }) : (text) => text;
  return {
    strong: paint("bold"),
    faint: paint("dim"),
    leader: paint(["bold", "green"]),
    good: paint("green"),
    bad: paint("red"),
  };
}
