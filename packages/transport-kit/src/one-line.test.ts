import { expect, test } from "@jest/globals";
import { describeError, oneLine } from "./one-line.js";

test("words from elsewhere are one line of bounded length, without controls", () => {
  expect(oneLine("two\r\nlines\u2028 and\u0007 a bell")).toBe("two lines  and  a bell");
  expect(oneLine("x".repeat(5000))).toHaveLength(1000);
});

test.each<[unknown, string]>([
  [new Error("words"), "words"],
  ["words\n", "words "],
  [new AggregateError([new Error("a:1"), new Error("b:1"), new Error("a:1")]), "a:1; b:1"],
  [new AggregateError([], "none"), "none"],
  [new Error("", { cause: new AggregateError([new Error("inner")]) }), "inner"],
  [new TypeError(""), "TypeError"],
])("an error is described by what it says, or what is in it", (error, words) => {
  expect(describeError(error)).toBe(words);
});
