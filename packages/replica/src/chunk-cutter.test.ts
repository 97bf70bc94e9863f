import { expect, test } from "@jest/globals";
import { ChunkCutter } from "./chunk-cutter.js";

function cut(chunkBytes: number, pieces: readonly string[]): string[] {
  const cutter = new ChunkCutter(chunkBytes);
  const chunks = pieces.flatMap((piece) => [...cutter.add(new TextEncoder().encode(piece))]);
  return [...chunks, ...cutter.end()].map((chunk) => new TextDecoder().decode(chunk));
}

test.each([
  [[], [""]],
  [["", ""], [""]],
  [["ab"], ["ab"]],
  [["abc"], ["abc"]],
  [
    ["a", "b", "cd"],
    ["abc", "d"],
  ],
  [["abcdefgh"], ["abc", "def", "gh"]],
  [
    ["ab", "cdefg", "", "hi"],
    ["abc", "def", "ghi"],
  ],
])("pieces %j make chunks %j", (pieces, chunks) => {
  expect(cut(3, pieces)).toEqual(chunks);
});
