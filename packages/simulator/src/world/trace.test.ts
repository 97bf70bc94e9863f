import { expect, test } from "@jest/globals";
import { Trace } from "./trace.js";

type Note = readonly [what: string, a?: number, b?: number, c?: number];

const hashOf = (notes: readonly Note[], now = () => 0): string => {
  const trace = new Trace(now);
  for (const note of notes) trace.note(...note);
  return trace.hash;
};

test("the hash is 16 hexadecimal digits, the same for the same events", () => {
  const notes: Note[] = [["A", 1, 2, 3], ["B"], ["C", 4]];
  expect(hashOf(notes)).toMatch(/^[0-9a-f]{16}$/);
  expect(hashOf(notes)).toBe(hashOf(notes));
});

test("the hash depends on the order, on each argument, and on the time", () => {
  const hashes = [
    hashOf([]),
    hashOf([["A", 1, 2, 3]]),
    hashOf([
      ["A", 1, 2, 3],
      ["A", 1, 2, 3],
    ]),
    hashOf([["B", 1, 2, 3]]),
    hashOf([["A", 2, 2, 3]]),
    hashOf([["A", 1, 3, 3]]),
    hashOf([["A", 1, 2, 4]]),
    hashOf([["A", 2, 1, 3]]),
    hashOf([["A", 1, 3, 2]]),
    hashOf([["A", 1, 2, 3]], () => 1),
    hashOf([
      ["A", 1],
      ["B", 2],
    ]),
    hashOf([
      ["B", 2],
      ["A", 1],
    ]),
  ];
  expect(new Set(hashes).size).toBe(hashes.length);
});

test("an early difference still shows after many equal events", () => {
  const notes = Array.from({ length: 1000 }, (_, i) => ["M", i % 3, i % 5, i] as const);
  for (const changed of [0, 1, 500, 999]) {
    const replaced = (change: (note: readonly [string, number, number, number]) => Note) =>
      hashOf(notes.map((note, i) => (i === changed ? change(note) : note)));
    expect(replaced((note) => note)).toBe(hashOf(notes));
    expect(replaced(([what, a, b, c]) => [what, a + 1, b, c])).not.toBe(hashOf(notes));
    expect(replaced(([what, a, b, c]) => [what, a, b + 1, c])).not.toBe(hashOf(notes));
    expect(replaced(([what, a, b, c]) => [what, a, b, c + 1])).not.toBe(hashOf(notes));
  }
});

test("few events that differ in little share a hash: none of 20,000", () => {
  const hashes = new Set<string>();
  for (let a = 0; a < 20; a++) {
    for (let b = 0; b < 20; b++) for (let c = 0; c < 50; c++) hashes.add(hashOf([["D", a, b, c]]));
  }
  expect(hashes.size).toBe(20_000);
});

test("a transcript is the same run: lines are written, with the time, and leave the hash alone", () => {
  const lines: string[] = [];
  const verbose = new Trace(
    () => 12_000_345,
    (line) => lines.push(line),
  );
  const silent = new Trace(() => 12_000_345);
  for (const trace of [verbose, silent]) {
    trace.note("A", 1);
    trace.line("something happens");
    trace.note("B", 2);
  }
  expect([verbose.verbose, silent.verbose]).toEqual([true, false]);
  expect(lines).toEqual([" 12.000345  something happens"]);
  expect(verbose.hash).toBe(silent.hash);
});
