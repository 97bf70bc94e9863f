// Inputs that found something, in found-inputs.txt: a line that begins with # says what, the next has the chunks in hex,
// and a full stop at its end when the other side then ends the connection.
import { appendFileSync, readFileSync } from "node:fs";
import type { Input } from "./conversation.js";

const file = new URL("found-inputs.txt", import.meta.url);

export interface FoundInput {
  readonly what: string;
  readonly input: Input;
}

export function readFoundInputs(): FoundInput[] {
  const found: FoundInput[] = [];
  let what = "";
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (line.startsWith("#")) what = line.slice(1).trim();
    else if (line !== "") found.push({ what, input: parseInput(line) });
  }
  return found;
}

export function appendFoundInput(input: Input, what: string): void {
  appendFileSync(file, `\n# ${what.replaceAll("\n", " ")}\n${formatInput(input)}\n`);
}

export function formatInput({ chunks, ends }: Input): string {
  return chunks.map((chunk) => Buffer.from(chunk).toString("hex")).join(" ") + (ends ? " ." : "");
}

function parseInput(line: string): Input {
  const words = line.split(" ").filter((word) => word !== "");
  const chunks = words.filter((word) => word !== ".").map((word) => Buffer.from(word, "hex"));
  return { chunks, ends: words.at(-1) === "." };
}
