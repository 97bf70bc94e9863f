import { describe, expect, test } from "@jest/globals";

import { updateJson, updateText } from "./output.js";

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("an update for people", () => {
  test.each([
    ["plain text with a \\ and ünïcode 🙂", "plain text with a \\ and ünïcode 🙂"],
    ["a tab\tand a bell\u0007", "a tab\\x09and a bell\\x07"],
    ["\u001b[31mred", "\\x1b[31mred"],
    ["two\nlines\u2028three", "two\\x0alines\\u2028three"],
    ["\u202eright to left", "\\u202eright to left"],
    ["\ufeffmarked", "\ufeffmarked"],
    ["", ""],
  ])("%j is one harmless line", (text, shown) => {
    expect(updateText(Buffer.from(text))).toBe(shown);
  });

  test("what is not UTF-8 is shown byte by byte", () => {
    expect(updateText(bytes(0x61, 0xff, 0x00, 0x7e))).toBe("a\\xff\\x00~");
  });
});

describe("an update for programs", () => {
  test("text is a string", () => {
    expect(updateJson(Buffer.from("\ufeffa\u0000ü"))).toEqual({ update: "\ufeffa\u0000ü" });
  });

  test("bytes that are no text come in base64 too", () => {
    expect(updateJson(bytes(0x61, 0xff))).toEqual({ update: "a\ufffd", updateBase64: "Yf8=" });
  });
});
