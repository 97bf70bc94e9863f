import { readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { readTranscript, runTranscript, TranscriptError } from "./transcript.js";

// PAXOS_REWRITE=1 pnpm test transcripts writes the outputs anew; then read the difference, line by line.
const rewrite = process.env["PAXOS_REWRITE"] === "1";
const folder = fileURLToPath(new URL("transcripts", import.meta.url));
const names = readdirSync(folder).sort();

test.each(names)("transcript %s", (name) => {
  const path = `${folder}/${name}`;
  const actual = runTranscript(path, readTranscript(path));
  if (rewrite) writeFileSync(path, actual);
  expect(actual).toBe(readTranscript(path));
});

test("transcripts are numbered without gaps, and each begins by saying what it is about", () => {
  expect(names.map((name) => name.slice(0, 2))).toEqual(names.map((_, i) => String(i + 1).padStart(2, "0")));
  for (const name of names) {
    expect(readTranscript(`${folder}/${name}`)).toMatch(/^# [A-Z].*\n(#.*\n)+\ncluster /);
  }
});

const mistakes: [what: string, text: string, message: string][] = [
  [
    "an unknown command",
    "cluster 1\n----\nnothing\n\ngo\n----\n\n",
    "a.txt:5: go: Error: there is no such command",
  ],
  ["a command without output", "cluster 1\n\n", 'a.txt:1: "cluster 1" is not followed by ----'],
  ["an output without command", "# Text\n----\n\n", "a.txt:2: ---- without a command before it"],
  ["a missing cluster", "start\n----\n\n", "a.txt:1: start: Error: there is no cluster yet"],
  [
    "a word that is no number",
    "cluster 1\nstart x\n----\n\n",
    'a.txt:2: start x: Error: "x" is no number; usage: start [NODE...]',
  ],
  [
    "a node that does not exist",
    "cluster 1\nstart 3\n----\n\n",
    "a.txt:2: start 3: Error: node 3 is up or does not exist",
  ],
  [
    "a change that does not exist",
    "cluster 1\nstart\nchange 0 grow 3\n----\n\n",
    'a.txt:3: change 0 grow 3: Error: "grow" is no change; usage: change NODE [force]',
  ],
  [
    "a demand that does not hold",
    "cluster 3\nstart 0\nuntil leader within 9\n----\n\n",
    "a.txt:3: until leader within 9: Error: not within 9 ticks",
  ],
];

test.each(mistakes)("%s is refused with file and line", (_, text, message) => {
  expect(() => runTranscript("/somewhere/a.txt", text)).toThrow(TranscriptError);
  expect(() => runTranscript("/somewhere/a.txt", text)).toThrow(message);
});

test("an output that differs is replaced by what is so, and nothing else is", () => {
  const text = "# One node.\n\ncluster 1\n----\nwrong\nwrong, too\n\n# Says:\nstatus\n----\n";
  expect(runTranscript("a.txt", text)).toBe(
    "# One node.\n\ncluster 1\n----\nnothing\n\n# Says:\nstatus\n----\nnothing\n",
  );
});
