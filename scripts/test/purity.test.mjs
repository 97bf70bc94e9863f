import assert from "node:assert/strict";
import { test } from "node:test";
import { findImpurities } from "../checks/purity.mjs";
import { plant } from "./planted.mjs";

/** Each must be found, on line 2, by the word that names it. */
const impure = {
  Date: "export const now = Date.now();",
  "Math.random": "export const jitter = Math.random();",
  "Math.pow": "export const backOff = Math.pow(2, 0.5);",
  Math: 'export const jitter = Math["random"]();',
  performance: "export const now = performance.now();",
  setTimeout: "setTimeout(() => undefined, 10);",
  setInterval: "export const timer = setInterval(() => undefined, 10);",
  setImmediate: "setImmediate(() => undefined);",
  queueMicrotask: "queueMicrotask(() => undefined);",
  Promise: "export const done = Promise.resolve();",
  "async:": "export const load = async () => undefined;",
  "await:": "export async function load(x: Promise<void>) { await x; }",
  "import()": 'export const load = () => import("./state.js");',
  "import.meta": "export const here = import.meta.url;",
  process: "export const args = process.argv;",
  console: 'console.log("leader");',
  fetch: 'export const answer = fetch("x");',
  crypto: "export const id = crypto.randomUUID();",
  globalThis: "export const now = globalThis.Date.now();",
  WeakRef: "export const held = new WeakRef({});",
  localeCompare: 'export const order = "a".localeCompare("b");',
  "node:fs": 'import { readFileSync } from "node:fs"; export const read = readFileSync;',
  Intl: "export const format = { Intl };",
  Buffer: "export class Bytes extends Buffer {}",
};

const phase = "packages/core/src/election.ts";

test("everything impure in the core is reported, with file and line", async (t) => {
  const names = Object.keys(impure);
  /** @type {Record<string, string>} */
  const files = {};
  for (const [index, code] of Object.values(impure).entries()) {
    files[`packages/core/src/phase-${index}.ts`] = `// A phase.\n${code}\nexport {};\n`;
  }
  const found = findImpurities(await plant(t, files));
  for (const [index, name] of names.entries()) {
    const here = found.filter(({ file }) => file.endsWith(`phase-${index}.ts`));
    assert.ok(
      here.some(({ what }) => what.includes(name)),
      `${name} is not reported`,
    );
    assert.ok(
      here.every(({ line }) => line === 2),
      `${name} is reported on a wrong line`,
    );
  }
});

test("pure code is not reported, nor are types, members and own names that are called like something impure", async (t) => {
  const code = `
    import type { Storage } from "./ports.js";
    import { fetch } from "./catch-up.js";
    export interface Clock { readonly now: Date; every(ms: number): Promise<void> }
    export type Loaded = Awaited<ReturnType<Storage["load"]>>;
    class State { process = 1; console(): number { return this.process; } }
    export class Broken extends Error {}
    export function step<T>(performance: number, map: Map<string, T>): number {
      const { size: Date } = map;
      const timeouts = { setTimeout: Date, fetch };
      timers: for (const [, value] of map) { if (value === undefined) break timers; }
      return Math.max(performance, new State().console(), timeouts.setTimeout, Math.floor(1 / 2));
    }
  `;
  const root = await plant(t, { [phase]: code });
  assert.deepEqual(findImpurities(root), []);
});

test("tests of the core may do what they like", async (t) => {
  const root = await plant(t, { [phase]: "export {};", "packages/core/src/election.test.ts": "Date.now();" });
  assert.deepEqual(findImpurities(root), []);
});

test("a core without sources is an error, not a pass", async (t) => {
  const root = await plant(t, { "packages/core/README.md": "" });
  assert.throws(() => findImpurities(root), /no sources/);
});
