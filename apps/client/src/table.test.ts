import { expect, test } from "@jest/globals";

import { table, tableWidth, wrapWords } from "./table.js";

const cells = (rows: string[][]) => rows.map((row) => row.map((text) => ({ text })));

test("columns are as wide as their widest cell", () => {
  const rows = cells([
    ["A", "BB", "C"],
    ["1", "2", "long"],
    ["333", "4", ""],
  ]);
  expect(table(rows)).toEqual(["A    BB  C", "1    2   long", "333  4"]);
  expect(tableWidth(rows, 2)).toBe(13);
  expect(table(rows, { gap: 1, toTheRight: new Set([0]) })).toEqual(["  A BB C", "  1 2  long", "333 4"]);
});

test("colours take no room", () => {
  const paint = (text: string) => `<${text}>`;
  expect(table([[{ text: "a", paint }, { text: "b" }], cells([["long", ""]])[0] ?? []])).toEqual([
    "<a>     b",
    "long",
  ]);
});

test("text is broken between words", () => {
  expect(wrapWords("one two three four", 9)).toEqual(["one two", "three", "four"]);
  expect(wrapWords("averylongword in front", 5)).toEqual(["averylongword", "in", "front"]);
});
