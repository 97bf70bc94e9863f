import { expect, test } from "@jest/globals";

import { type Line, readLines } from "./lines.js";

async function read(chunks: string[], maxBytes?: number): Promise<Line[]> {
  const lines: Line[] = [];
  const input = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk, "latin1");
  })();
  for await (const line of readLines(input, maxBytes)) lines.push(line);
  return lines;
}

const texts = (lines: Line[]) => lines.map(({ bytes }) => bytes && Buffer.from(bytes).toString("latin1"));

test("a line ends with LF or CRLF; empty lines count, the last one without an end too", async () => {
  expect(texts(await read(["a\n\nb\r\nc"]))).toEqual(["a", "", "b", "c"]);
  expect(texts(await read(["a\n"]))).toEqual(["a"]);
  expect(texts(await read([""]))).toEqual([]);
  expect(texts(await read(["\n"]))).toEqual([""]);
  expect(texts(await read(["\r\n\r\n"]))).toEqual(["", ""]);
});

test("where the chunks are cut makes no difference", async () => {
  const text = "ab\r\n\nlonger than others\r\r\nz\r";
  const whole = await read([text]);
  expect(texts(whole)).toEqual(["ab", "", "longer than others\r", "z"]);
  for (let cut = 0; cut <= text.length; cut++) {
    expect(await read([text.slice(0, cut), text.slice(cut)])).toEqual(whole);
  }
  expect(await read(text.split(""))).toEqual(whole);
});

test("bytes that are not UTF-8 are left as they are", async () => {
  expect(texts(await read(["\xff\xfe\n\x00"]))).toEqual(["\xff\xfe", "\x00"]);
});

test("a line over the limit has a length and no bytes, and those after it are whole", async () => {
  const lines = await read(["1234\n12345\n123", "45\n1234\r\n12345\r\n", "x"], 4);
  expect(lines.map(({ number, length }) => [number, length])).toEqual([
    [1, 4],
    [2, 5],
    [3, 5],
    [4, 4],
    [5, 5],
    [6, 1],
  ]);
  expect(texts(lines)).toEqual(["1234", undefined, undefined, "1234", undefined, "x"]);
});
