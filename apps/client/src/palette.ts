// Colours, for terminals that have them and people who want them.
import { styleText } from "node:util";

import type { Environment, TextOutput } from "./environment.js";

type Paint = (text: string) => string;

export interface Palette {
  readonly strong: Paint;
  readonly faint: Paint;
  readonly leader: Paint;
  readonly good: Paint;
  readonly doubtful: Paint;
  readonly bad: Paint;
}

/** Whether what stands there already can be drawn over. */
export function canRedraw(output: TextOutput, variables: Environment["variables"]): boolean {
  return output.isTTY === true && variables["TERM"] !== "dumb";
}

/** Whether to colour what is written there. NO_COLOR counts when it is set and not empty (no-color.org). */
export function wantsColours(output: TextOutput, variables: Environment["variables"]): boolean {
  const { NO_COLOR: noColour = "" } = variables;
  return canRedraw(output, variables) && noColour === "";
}

export function createPalette(colours: boolean): Palette {
  const paint = (format: Parameters<typeof styleText>[0]): Paint =>
    colours ? (text) => styleText(format, text, { validateStream: false }) : (text) => text;
  return {
    strong: paint("bold"),
    faint: paint("dim"),
    leader: paint(["bold", "green"]),
    good: paint("green"),
    doubtful: paint("yellow"),
    bad: paint("red"),
  };
}
