// Sixteen clients on real processes that are killed, paused and replaced.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { callOf, judge } from "../src/torture/history.js";

const program = fileURLToPath(new URL("../dist/torture/main.js", import.meta.url));

test.each(["connect", "tcp"])(
  "what clients see over %s is linearizable, and watchers miss nothing",
  async (transport) => {
    const directory = await mkdtemp(join(tmpdir(), "kv-torture-test-"));
    try {
      const history = join(directory, "history.jsonl");
      const args = ["--transport", transport, "--seconds", "12", "--replacements", "2", "--history", history];
      const { stdout } = await promisify(execFile)(process.execPath, [program, ...args]);
      const [, calls, kills, pauses, replaced, revisions] =
        /^(\d+) calls, .*; (\d+) servers killed, (\d+) paused, (\d+) replaced\nlinearizable; .* all (\d+) revisions\n$/.exec(
          stdout,
        ) ?? [];
      // Otherwise nothing was shown.
      expect(Number(calls)).toBeGreaterThan(500);
      expect(Number(revisions)).toBeGreaterThan(100);
      expect([kills, replaced].map((count) => Number(count) > 0)).toEqual([true, true]);
      expect(Number(pauses) > 0).toBe(process.platform !== "win32");
      const saved = (await readFile(history, "utf8")).trimEnd().split("\n");
      expect(saved.length).toBe(Number(calls));
      expect(judge(saved.map((line) => callOf(line)))).toBeUndefined();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);
