// Transcripts: files of commands with the output they are expected to give. This is the format; what the
// commands do is in stage.ts and stage-commands.ts.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { Stage } from "./stage.js";
import { runCommand } from "./stage-commands.js";

/** Something is wrong with a transcript, or with what it demands. The message begins with file:line. */
export class TranscriptError extends Error {
  override readonly name = "TranscriptError";
}

/** Commands that follow each other without a blank line, and their output. */
interface Block {
  readonly commands: readonly { readonly text: string; readonly line: number }[];
}

/** Reads a transcript, with line ends as they are in the repository. */
export function readTranscript(path: string): string {
  return readFileSync(path, "utf8").replaceAll("\r\n", "\n");
}

/**
 * Runs a transcript from its beginning and gives its text with the outputs that it gives now.
 *
 * Lines that begin with # are comments. One or more lines of commands are followed by a line of four dashes
 * and their output; a blank line ends the output.
 *
 * @throws TranscriptError when a command is malformed, impossible, or demands what does not hold.
 */
export function runTranscript(path: string, text: string): string {
  const stage = new Stage();
  const lines: string[] = [];
  for (const piece of parse(basename(path), text)) {
    if (typeof piece === "string") {
      lines.push(piece);
      continue;
    }
    lines.push(...piece.commands.map((command) => command.text), "----");
    for (const command of piece.commands) {
      try {
        runCommand(stage, command.text);
        stage.tellRefusals();
        stage.checkOrder();
      } catch (error) {
        const so = [
          `${basename(path)}:${command.line}: ${command.text}: ${String(error)}`,
          ...stage.takeOutput(),
        ];
        throw new TranscriptError(so.join("\n"), { cause: error });
      }
    }
    const output = stage.takeOutput();
    lines.push(...(output.length > 0 ? output : ["nothing"]), "");
  }
  while (lines.at(-1) === "") lines.pop();
  return lines.join("\n") + "\n";
}

/** Comments and blank lines as they are, blocks without their old output. */
function* parse(file: string, text: string): Iterable<string | Block> {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line.trim() === "" || line.startsWith("#")) {
      yield line.trimEnd();
      continue;
    }
    const commands = [];
    for (; lines[i] !== "----"; i++) {
      const command = lines[i]?.trim();
      if (!command || command.startsWith("#")) {
        throw new TranscriptError(`${file}:${i}: "${lines[i - 1]}" is not followed by ---- and an output`);
      }
      commands.push({ text: command, line: i + 1 });
    }
    if (commands.length === 0)
      throw new TranscriptError(`${file}:${i + 1}: ---- without a command before it`);
    while (i + 1 < lines.length && lines[i + 1]?.trim() !== "") i++;
    // The blank line that ends the output is written with it.
    i++;
    yield { commands };
  }
}
