import { decodeClientUpdate } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import type { OrderedUpdate } from "./outbox.js";
import { Random } from "./random.js";
import { Sessions, type Execution } from "./sessions.js";

/** An update at a place; what is left out is 0. */
function ordered(fields: Partial<OrderedUpdate>): OrderedUpdate {
  return {
    ...decodeClientUpdate(new Uint8Array()),
    update: Uint8Array.of(1),
    seq: 1,
    noop: false,
    ...fields,
  };
}

/** A table over a state machine that answers with the number of updates it has executed. */
class Machine {
  readonly sessions = new Sessions();
  readonly executed: string[] = [];
  #seq = 0;

  constructor(private readonly answer?: (seq: number) => Uint8Array) {}

  run(clientId: number, timestamp: number): Execution {
    return this.give({ clientId: BigInt(clientId), timestamp: BigInt(timestamp) });
  }

  give(fields: Partial<OrderedUpdate>): Execution {
    return this.sessions.execute(ordered({ ...fields, seq: ++this.#seq }), (_, seq) => {
      this.executed.push(`${fields.clientId}/${fields.timestamp}`);
      return this.answer?.(seq) ?? new Uint8Array([this.executed.length]);
    });
  }
}

test("an update is executed once; a duplicate gets the first answer and the first seq", () => {
  const machine = new Machine();
  expect(machine.run(7, 1)).toEqual({ kind: "executed", seq: 1, result: new Uint8Array([1]) });
  machine.run(8, 1);
  const first = { kind: "duplicate", seq: 1, result: new Uint8Array([1]) };
  expect(machine.run(7, 1)).toEqual(first);
  expect(machine.run(7, 1)).toEqual(first);
  expect(machine.sessions.find({ clientId: 7n, timestamp: 1n })).toEqual(first);
  expect(machine.executed).toEqual(["7/1", "8/1"]);
});

test("timestamps of one client may come in any order, each executed once", () => {
  const random = new Random(3);
  const machine = new Machine();
  const timestamps = Array.from({ length: 1024 }, (_, i) => i);
  for (let i = timestamps.length - 1; i > 0; i--) {
    const j = random.between(0, i);
    [timestamps[i], timestamps[j]] = [timestamps[j] as number, timestamps[i] as number];
  }
  for (const timestamp of timestamps) expect(machine.run(7, timestamp).kind).toBe("executed");
  for (const timestamp of timestamps) expect(machine.run(7, timestamp).kind).toBe("duplicate");
  expect(machine.executed).toHaveLength(1024);
});

test("timestamp 0 and the greatest are ordinary ones", () => {
  const sessions = new Sessions();
  for (const timestamp of [0n, 2n ** 64n - 1n]) {
    const update = ordered({ clientId: 2n ** 64n - 1n, timestamp });
    expect(sessions.execute(update, () => new Uint8Array()).kind).toBe("executed");
    expect(sessions.execute(update, () => new Uint8Array()).kind).toBe("duplicate");
  }
});

test("a client's 1,024 highest timestamps are always remembered; an older one is expired, never executed again", () => {
  const machine = new Machine();
  for (let timestamp = 0; timestamp < 5000; timestamp++) {
    machine.run(7, timestamp);
    const oldest = Math.max(0, timestamp - 1023);
    if (machine.sessions.find({ clientId: 7n, timestamp: BigInt(oldest) })?.kind !== "duplicate")
      throw new Error(`${oldest} is forgotten`);
  }
  const kinds = Array.from({ length: 5000 }, (_, timestamp) => machine.run(7, timestamp).kind);
  expect(kinds.indexOf("duplicate")).toBeGreaterThan(0);
  expect(new Set(kinds.slice(0, kinds.indexOf("duplicate")))).toEqual(new Set(["expired"]));
  expect(new Set(kinds.slice(kinds.indexOf("duplicate")))).toEqual(new Set(["duplicate"]));
  expect(kinds.length - kinds.indexOf("duplicate")).toBeLessThan(2048);
  expect(machine.executed).toHaveLength(5000);
});

test("an update below the window that was never seen is expired as well: nobody can tell any more", () => {
  const machine = new Machine();
  for (let timestamp = 10; timestamp < 2058; timestamp++) machine.run(7, timestamp);
  expect(machine.run(7, 5)).toEqual({ kind: "expired" });
  expect(machine.sessions.find({ clientId: 7n, timestamp: 5n })).toEqual({ kind: "expired" });
  expect(machine.run(8, 5).kind).toBe("executed");
});

test("of 10,001 clients the one whose last new update lies furthest back is forgotten; asking is no activity", () => {
  const machine = new Machine();
  for (let client = 1; client <= 10_000; client++) machine.run(client, 1);
  machine.run(1, 2);
  machine.run(2, 1);
  machine.run(20_000, 1);
  expect(machine.sessions.size).toBe(10_000);
  expect(machine.sessions.find({ clientId: 1n, timestamp: 1n })?.kind).toBe("duplicate");
  expect(machine.sessions.find({ clientId: 2n, timestamp: 1n })).toBeUndefined();
  expect(machine.sessions.find({ clientId: 3n, timestamp: 1n })?.kind).toBe("duplicate");
});

const MiB = 1024 * 1024;

test("over 256 MiB of answers whole clients are forgotten, the oldest first", () => {
  // Just under 16 of 16 MiB each, with what is counted for each answer.
  const machine = new Machine(() => new Uint8Array(15.9 * MiB));
  const known = (client: number) => machine.sessions.find({ clientId: BigInt(client), timestamp: 1n })?.kind;
  for (let client = 1; client <= 18; client++) machine.run(client, 1);
  expect(machine.sessions.size).toBe(16);
  expect([2, 3].map(known)).toEqual([undefined, "duplicate"]);
  for (let client = 19; client <= 50; client++) machine.run(client, 1);
  expect(machine.sessions.size).toBe(16);
  expect([34, 35].map(known)).toEqual([undefined, "duplicate"]);
});

test("one client's answers over 16 MiB: its oldest are forgotten, and expired from then on; others pay nothing", () => {
  const machine = new Machine(() => new Uint8Array(MiB));
  machine.run(8, 1);
  for (let timestamp = 1; timestamp <= 600; timestamp++) machine.run(7, timestamp);
  expect([machine.run(7, 1).kind, machine.run(7, 600).kind]).toEqual(["expired", "duplicate"]);
  expect(machine.run(8, 1).kind).toBe("duplicate");
});

test("an answer over 256 MiB by itself is remembered, alone of all, until another client's comes", () => {
  const machine = new Machine((seq) => new Uint8Array(seq === 3 ? 257 * MiB : 1));
  machine.run(8, 1);
  for (const timestamp of [1, 2]) expect(machine.run(7, timestamp).kind).toBe("executed");
  expect([machine.run(7, 1).kind, machine.run(7, 2).kind]).toEqual(["expired", "duplicate"]);
  expect(machine.sessions.size).toBe(1);
  machine.run(9, 1);
  expect(machine.sessions.find({ clientId: 7n, timestamp: 2n })).toBeUndefined();
  expect(machine.sessions.size).toBe(1);
});

test("small answers count too: very many of them do not fill the memory", () => {
  const machine = new Machine(() => new Uint8Array(8));
  const first = () => machine.sessions.find({ clientId: 1n, timestamp: 1n })?.kind;
  const round = (timestamp: number) => {
    for (let client = 1; client <= 2000; client++) machine.run(client, timestamp);
  };
  let timestamp = 1;
  // 392 bytes each: 224 MiB.
  while (timestamp <= 300) round(timestamp++);
  expect(first()).toBe("duplicate");
  // 299 MiB: whole clients are forgotten, and are new when they come back.
  while (timestamp <= 400) round(timestamp++);
  expect(first()).toBeUndefined();
});

test("what is remembered is a copy, not a view of something that may change", () => {
  const large = new Uint8Array(MiB);
  const machine = new Machine(() => large.subarray(0, 1));
  machine.run(7, 1);
  large[0] = 9;
  expect(machine.run(7, 1)).toEqual({ kind: "duplicate", seq: 1, result: new Uint8Array(1) });
});

test("answers forgotten with old timestamps give their bytes back", () => {
  const KiB = 1024;
  const machine = new Machine(() => new Uint8Array(7 * KiB));
  machine.run(1, 1);
  // 15 MiB at most at any time, 140 MiB in all: nobody else need be forgotten.
  for (let timestamp = 0; timestamp < 20_000; timestamp++) machine.run(7, timestamp);
  expect(machine.sessions.find({ clientId: 1n, timestamp: 1n })?.kind).toBe("duplicate");
});

test("its bounds can be set, for all nodes alike", () => {
  const sessions = new Sessions({ clients: 2 });
  for (const clientId of [1n, 2n, 3n]) sessions.execute(ordered({ clientId }), () => new Uint8Array());
  expect(sessions.find({ clientId: 1n, timestamp: 0n })).toBeUndefined();
  expect(sessions.find({ clientId: 2n, timestamp: 0n })?.kind).toBe("duplicate");
});

test("two tables fed the same agree on everything, and stay within their bounds, over 100,000 updates", () => {
  const random = new Random(11);
  const tables = [new Machine(), new Machine()] as const;
  const kinds = new Map<string, number>();
  for (let i = 0; i < 100_000; i++) {
    // A busy few with jumbled timestamps and many retries, and a crowd that comes and goes.
    const busy = random.between(0, 9) < 7;
    const client = busy ? random.between(1, 8) : random.between(100, 30_000);
    const timestamp = busy ? random.between(Math.max(0, (i >> 4) - 4000), i >> 4) : random.between(0, 3);
    const [a, b] = [tables[0].run(client, timestamp), tables[1].run(client, timestamp)];
    if (a.kind !== b.kind) throw new Error(`update ${i}: ${a.kind} here, ${b.kind} there`);
    kinds.set(a.kind, (kinds.get(a.kind) ?? 0) + 1);
    if (tables[0].sessions.size > 10_000)
      throw new Error(`${tables[0].sessions.size} clients after update ${i}`);
  }
  expect(tables[0].executed).toEqual(tables[1].executed);
  expect(tables[0].sessions.size).toBe(10_000);
  expect([...kinds.keys()].sort()).toEqual(["duplicate", "executed", "expired"]);
});
