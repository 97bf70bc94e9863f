import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { callOf, judge, saveHistory, type KvCall } from "./history.js";
import { judgeWatchers } from "./watchers.js";

const call = (
  process: number,
  input: KvCall["input"],
  output: KvCall["output"],
  start: number,
  end: number,
): KvCall => ({
  process,
  input,
  output,
  start,
  end,
});

const put = (value: string) => ({ op: "put", key: "k", value }) as const;
const get = { op: "get", key: "k" } as const;
const cas = (expected: string | null, value: string) => ({ op: "cas", key: "k", expected, value }) as const;

test("what one copy could have answered is linearizable", () => {
  expect(
    judge([
      call(0, put("a"), true, 0, 10),
      call(1, get, null, 1, 4),
      call(1, get, "a", 5, 8),
      call(2, cas("a", "b"), true, 9, 12),
      call(3, { op: "delete", key: "k" }, true, 13, 14),
      call(3, cas("b", "c"), false, 15, 16),
      call(0, put("never seen"), undefined, 17, Infinity),
      call(1, { op: "delete", key: "k" }, true, 18, 19),
    ]),
  ).toBeUndefined();
});

test.each([
  ["a stale read", [call(0, put("a"), true, 0, 1), call(1, put("b"), true, 2, 3), call(2, get, "a", 4, 5)]],
  ["a lost write", [call(0, put("a"), true, 0, 1), call(1, get, null, 2, 3)]],
  ["two winners", [call(0, cas(null, "a"), true, 0, 9), call(1, cas(null, "b"), true, 0, 9)]],
  ["a value of nobody's", [call(0, get, "z", 0, 1)]],
  [
    "a write undone",
    [call(0, put("a"), undefined, 0, Infinity), call(1, get, "a", 1, 2), call(1, get, null, 3, 4)],
  ],
])("%s is not", (_, calls) => {
  expect(judge(calls)).toContain("key k is not linearizable");
});

test("a history is saved as lines of JSON, and is the same when it is read", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kv-history-"));
  try {
    const file = join(directory, "history.jsonl");
    const calls = [
      call(0, put("a"), true, 1, 2),
      call(1, cas("a", "b"), undefined, 3, Infinity),
      call(2, get, null, 4, 5),
      call(2, { op: "delete", key: "k" }, false, 6, 7),
    ];
    await saveHistory(file, calls);
    const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
    expect(lines.slice(0, 2)).toEqual([
      '{"process":0,"op":"put","key":"k","value":"a","result":true,"start":1,"end":2}',
      '{"process":1,"op":"cas","key":"k","value":["a","b"],"start":3,"end":null}',
    ]);
    expect(lines.map((line) => callOf(line))).toEqual(calls);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("watchers that miss a write, are told one twice, or differ, are found", () => {
  const one = { seq: 3, changes: [{ key: "k", value: "a" }] };
  const other = { seq: 5, changes: [{ key: "k", gone: "deleted" as const }] };
  const writes = [{ key: "k", value: "a", version: 3 }];
  expect(
    judgeWatchers(
      [
        [one, other],
        [one, other],
      ],
      writes,
    ),
  ).toBeUndefined();
  expect(judgeWatchers([[other], [other]], writes)).toBe("watcher 0 was not told that k was a at seq 3");
  expect(judgeWatchers([[one, one]], writes)).toBe("watcher 0 was told seq 3 twice, or behind a later one");
  expect(judgeWatchers([[one, other], [one]], writes)).toBe("watchers were told different things");
});
