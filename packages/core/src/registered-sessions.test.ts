import { decodeClientUpdate, UpdateKind } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import type { OrderedUpdate } from "./outbox.js";
import { Random } from "./random.js";
import { Sessions, sessionWindow, type Execution } from "./sessions.js";

/** A table over a state machine that answers with the seq, and a log of what was executed. */
class Machine {
  readonly sessions = new Sessions();
  readonly executed: string[] = [];
  seq = 0;

  constructor(private readonly answerBytes = 1) {}

  run(fields: Partial<OrderedUpdate>): Execution {
    const update = { ...decodeClientUpdate(new Uint8Array()), noop: false, ...fields, seq: ++this.seq };
    return this.sessions.execute(update, (_, seq) => {
      this.executed.push(`${update.clientId}/${update.session}/${update.timestamp}`);
      return new Uint8Array(this.answerBytes).fill(seq);
    });
  }

  register(clientId: bigint): bigint {
    return BigInt((this.run({ clientId, kind: UpdateKind.REGISTER }) as { seq: number }).seq);
  }

  /** Has others come until a client that does nothing is forgotten. */
  crowdOut(): void {
    for (let other = 0; other < 10_000; other++) {
      this.run({ clientId: BigInt(1_000_000 + this.seq), timestamp: 1n });
    }
  }
}

describe("a registration", () => {
  test("makes a session whose id is its seq, once, and does not reach the state machine", () => {
    const machine = new Machine();
    machine.run({ clientId: 9n, timestamp: 1n });
    const registration = { clientId: 7n, kind: UpdateKind.REGISTER };
    expect(machine.run(registration)).toEqual({ kind: "executed", seq: 2, result: new Uint8Array() });
    expect(machine.run(registration)).toEqual({ kind: "duplicate", seq: 2, result: new Uint8Array() });
    expect(machine.executed).toEqual(["9/0/1"]);
  });

  test("is known again however far its session has come", () => {
    const machine = new Machine();
    const session = machine.register(7n);
    machine.run({ clientId: 7n, timestamp: 500n, session, answeredUpTo: 499n });
    const registration = { clientId: 7n, timestamp: 0n, kind: UpdateKind.REGISTER };
    expect(machine.sessions.find(registration)).toMatchObject({ kind: "duplicate", seq: Number(session) });
    expect(machine.run(registration)).toMatchObject({ kind: "duplicate", seq: Number(session) });
  });

  test("of a client that has sent updates without one keeps what is remembered of them", () => {
    const machine = new Machine();
    machine.run({ clientId: 7n, timestamp: 5n });
    const session = machine.register(7n);
    expect(machine.run({ clientId: 7n, timestamp: 5n, session })).toMatchObject({
      kind: "duplicate",
      seq: 1,
    });
    expect(machine.run({ clientId: 7n, timestamp: 5n })).toMatchObject({ kind: "duplicate", seq: 1 });
  });

  test("counts as activity of its client", () => {
    const machine = new Machine();
    for (let client = 1n; client <= 10_000n; client++) machine.run({ clientId: client, timestamp: 1n });
    const session = machine.register(1n);
    for (let client = 20_000n; client < 29_999n; client++) machine.run({ clientId: client, timestamp: 1n });
    expect(machine.sessions.size).toBe(10_000);
    expect(machine.run({ clientId: 1n, timestamp: 2n, session }).kind).toBe("executed");
  });
});

describe("under a session", () => {
  test("an update is executed once, and a retry gets the first answer", () => {
    const machine = new Machine();
    const update = { clientId: 7n, timestamp: 1n, session: machine.register(7n) };
    const { kind, ...first } = machine.run(update) as Extract<Execution, { kind: "executed" }>;
    expect(kind).toBe("executed");
    expect(machine.run(update)).toEqual({ kind: "duplicate", ...first });
    expect(machine.sessions.find({ clientId: 7n, timestamp: 1n, session: update.session })).toEqual({
      kind: "duplicate",
      ...first,
    });
  });

  test("an update that names another session, or a client without one, is expired and changes nothing", () => {
    const machine = new Machine();
    const session = machine.register(7n);
    machine.run({ clientId: 8n, timestamp: 1n });
    for (const wrong of [session + 1n, 2n ** 64n - 1n]) {
      const update = { clientId: 7n, timestamp: 1n, session: wrong, answeredUpTo: 900n };
      expect(machine.run(update)).toEqual({ kind: "expired" });
    }
    expect(machine.run({ clientId: 8n, timestamp: 2n, session })).toEqual({ kind: "expired" });
    expect(machine.run({ clientId: 9n, timestamp: 1n, session })).toEqual({ kind: "expired" });
    expect(machine.sessions.size).toBe(2);
    expect(machine.sessions.find({ clientId: 7n, timestamp: 1n, session: session + 1n })).toBeUndefined();
    expect(machine.run({ clientId: 7n, timestamp: 1n, session }).kind).toBe("executed");
  });

  test("answers that the client has had are forgotten, and nothing else", () => {
    const machine = new Machine();
    const session = machine.register(7n);
    const update = (timestamp: bigint, answeredUpTo = 0n) => ({
      clientId: 7n,
      timestamp,
      session,
      answeredUpTo,
    });
    for (let t = 1n; t <= 100n; t++) machine.run(update(t));
    machine.run(update(101n, 40n));
    expect(machine.run(update(40n)).kind).toBe("expired");
    expect(machine.run(update(41n)).kind).toBe("duplicate");
    // An older message that comes late takes nothing back.
    machine.run(update(102n, 10n));
    expect(machine.run(update(40n)).kind).toBe("expired");
    expect(machine.run(update(102n)).kind).toBe("duplicate");
  });

  test("what the client says it has answers to may be any number", () => {
    const machine = new Machine();
    const session = machine.register(7n);
    const far = 2n ** 64n - 1n;
    machine.run({ clientId: 7n, timestamp: 1n, session });
    expect(machine.run({ clientId: 7n, timestamp: far, session, answeredUpTo: far - 1n }).kind).toBe(
      "executed",
    );
    expect(machine.run({ clientId: 7n, timestamp: 1n, session }).kind).toBe("expired");
    expect(machine.run({ clientId: 7n, timestamp: far, session, answeredUpTo: far }).kind).toBe("expired");
  });

  test("an update above the window is not executed, until the window has moved", () => {
    const machine = new Machine();
    const session = machine.register(7n);
    const above = { clientId: 7n, timestamp: BigInt(sessionWindow) + 1n, session };
    expect(machine.run(above)).toEqual({ kind: "expired" });
    expect(machine.run({ ...above, answeredUpTo: 1n }).kind).toBe("executed");
  });

  test("nothing that the client may ask for is forgotten, whatever the order in which its updates come", () => {
    const random = new Random(5);
    const machine = new Machine();
    const session = machine.register(7n);
    const answered = new Set<bigint>();
    let upTo = 0n;
    for (let i = 0; i < 50_000; i++) {
      const timestamp = upTo + BigInt(random.between(1, sessionWindow));
      const { kind } = machine.run({ clientId: 7n, timestamp, session, answeredUpTo: upTo });
      if (kind !== (answered.has(timestamp) ? "duplicate" : "executed")) {
        throw new Error(`update ${timestamp}, with answers up to ${upTo}, is ${kind}`);
      }
      answered.add(timestamp);
      while (answered.has(upTo + 1n)) upTo++;
    }
    expect(upTo).toBeGreaterThan(5_000n);
    expect(machine.executed).toHaveLength(answered.size);
  });

  test("bytes of answers that the client has had are given back", () => {
    const machine = new Machine(1024 * 1024);
    const session = machine.register(7n);
    // Fifteen of 1 MiB at any time: within the 16 MiB of a client, so that none is forgotten.
    const oldestKinds = new Set<string | undefined>();
    for (let t = 1n; t <= 500n; t++) {
      machine.run({ clientId: 7n, timestamp: t, session, answeredUpTo: t > 14n ? t - 14n : 0n });
      const oldest = t > 14n ? t - 13n : 1n;
      oldestKinds.add(machine.sessions.find({ clientId: 7n, timestamp: oldest, session })?.kind);
    }
    expect([...oldestKinds]).toEqual(["duplicate"]);
  });
});

describe("a forgotten session", () => {
  test("executes nothing any more: neither a retry nor a new update, nor after the client has registered again", () => {
    const machine = new Machine();
    const session = machine.register(7n);
    machine.run({ clientId: 7n, timestamp: 1n, session });
    machine.crowdOut();
    for (const timestamp of [1n, 2n]) {
      expect(machine.run({ clientId: 7n, timestamp, session })).toEqual({ kind: "expired" });
    }
    const again = machine.register(7n);
    expect(again).not.toBe(session);
    for (const timestamp of [1n, 2n]) {
      expect(machine.run({ clientId: 7n, timestamp, session })).toEqual({ kind: "expired" });
      expect(machine.run({ clientId: 7n, timestamp, session: again }).kind).toBe("executed");
    }
  });

  test("differs in that from a client without one, whose old update is executed again", () => {
    const machine = new Machine();
    machine.run({ clientId: 7n, timestamp: 1n });
    machine.crowdOut();
    expect(machine.run({ clientId: 7n, timestamp: 1n }).kind).toBe("executed");
  });

  test("a late copy of its registration makes a new one, under which its updates are not executed", () => {
    const machine = new Machine();
    const session = machine.register(7n);
    machine.crowdOut();
    machine.run({ clientId: 7n, kind: UpdateKind.REGISTER });
    expect(machine.run({ clientId: 7n, timestamp: 1n, session })).toEqual({ kind: "expired" });
  });
});

test("two tables fed the same agree on everything, over 100,000 updates with and without sessions", () => {
  const random = new Random(23);
  const tables = [new Machine(), new Machine()] as const;
  const sessions = new Map<bigint, bigint>();
  const kinds = new Map<string, number>();
  for (let i = 0; i < 100_000; i++) {
    const clientId = BigInt(random.between(1, 20_000));
    const known = sessions.get(clientId);
    const kind =
      known === undefined && random.between(0, 1) === 0 ? UpdateKind.REGISTER : UpdateKind.UNSPECIFIED;
    const timestamp = BigInt(random.between(1, 30));
    const answeredUpTo = BigInt(random.between(0, 29));
    const update =
      kind === UpdateKind.REGISTER
        ? { clientId, kind }
        : { clientId, timestamp, session: known ?? 0n, answeredUpTo };
    const [a, b] = [tables[0].run(update), tables[1].run(update)];
    if (JSON.stringify(a) !== JSON.stringify(b))
      throw new Error(`update ${i}: ${a.kind} here, ${b.kind} there`);
    if (kind === UpdateKind.REGISTER && "seq" in a) sessions.set(clientId, BigInt(a.seq));
    kinds.set(a.kind, (kinds.get(a.kind) ?? 0) + 1);
  }
  const once = tables[0].executed.filter((entry) => !entry.includes("/0/"));
  expect(tables[0].executed).toEqual(tables[1].executed);
  expect(new Set(once).size).toBe(once.length);
  expect([...kinds.keys()].sort()).toEqual(["duplicate", "executed", "expired"]);
});
