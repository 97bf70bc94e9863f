// What clients have done and seen, as they saw it, and whether one store with one copy could have answered so.
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { checkLinearizability, type Call, type Model } from "@paxos/simulator";

/** A key's value; null: there is none. */
type Value = string | null;

export type Input =
  | { readonly op: "get" | "delete"; readonly key: string }
  | { readonly op: "put"; readonly key: string; readonly value: string }
  /** Puts `value` if the key has `expected`. */
  | { readonly op: "cas"; readonly key: string; readonly expected: Value; readonly value: string };

/** Of a get what was found; of a delete whether there was something; of a cas whether it was done; of a put true. */
export type Output = Value | boolean;

/** Times in nanoseconds. */
export type KvCall = Call<Input, Output>;

/** A call as a line of JSON. */
interface HistoryLine {
  readonly process: number;
  readonly op: Input["op"];
  readonly key: string;
  /** What a put writes; what a cas expects and writes; null otherwise. */
  readonly value: string | readonly [expected: Value, value: string] | null;
  /** {@link Output}; absent when nobody knows what became of it. */
  readonly result?: Output;
  /** Nanoseconds from some moment on. */
  readonly start: number;
  /** Null when there was no answer: it takes effect at any time after its start, or never. */
  readonly end: number | null;
}

function lineOf({ process, input, output, start, end }: KvCall): HistoryLine {
  const { op, key } = input;
  return {
    process,
    op,
    key,
    value: op === "put" ? input.value : op === "cas" ? [input.expected, input.value] : null,
    ...(output !== undefined && { result: output }),
    start,
    end: end === Infinity ? null : end,
  };
}

/** Writes a history as JSON lines, by start. */
export async function saveHistory(file: string, calls: readonly KvCall[]): Promise<void> {
  const out = createWriteStream(file);
  for (const call of [...calls].sort((a, b) => a.start - b.start))
    out.write(`${JSON.stringify(lineOf(call))}\n`);
  await once(out.end(), "finish");
}

/** Reads a line of a history. @throws SyntaxError */
export function callOf(line: string): KvCall {
  const { process, op, key, value, result, start, end } = JSON.parse(line) as HistoryLine;
  const input: Input =
    op === "cas"
      ? { op, key, expected: (value as [Value, string])[0], value: (value as [Value, string])[1] }
      : op === "put"
        ? { op, key, value: value as string }
        : { op, key };
  return { process, input, output: result, start, end: end ?? Infinity };
}

/** A store with one copy, which does one thing after the other. */
const model: Model<Value, Input, Output> = {
  part: ({ key }) => key,
  initial: () => null,
  key: (state) => (state === null ? "none" : `=${state}`),
  step(state, input, output) {
    const [after, answer] = execute(state, input);
    return output === undefined || output === answer ? after : undefined;
  },
  readOnly: ({ op }, output) => op === "get" || (op !== "put" && output === false),
  inputKey: (input) => JSON.stringify(input),
};

function execute(state: Value, input: Input): readonly [Value, Output] {
  switch (input.op) {
    case "get":
      return [state, state];
    case "put":
      return [input.value, true];
    case "delete":
      return [null, state !== null];
    case "cas":
      return state === input.expected ? [input.value, true] : [state, false];
  }
}

/** What is wrong with a history; undefined when it is linearizable. */
export function judge(calls: readonly KvCall[], maxSteps = 20_000_000): string | undefined {
  const verdict = checkLinearizability(model, calls, { maxSteps });
  switch (verdict.kind) {
    case "linearizable":
      return undefined;
    case "unknown":
      return `undecided: the calls of ${verdict.parts} keys were too many to judge in ${maxSteps} steps`;
    case "not-linearizable":
      return [
        `key ${verdict.part} is not linearizable; these calls contradict each other:`,
        ...verdict.calls.map((call) => JSON.stringify(lineOf(call))),
      ].join("\n");
  }
}
