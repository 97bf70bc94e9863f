import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ClientSessionSchema, UpdateKind, type ClientSession } from "@paxos/proto";
import type { OrderedUpdate } from "./outbox.js";
import { Random } from "./random.js";
import { Sessions } from "./sessions.js";

const bounds = { clients: 6, answersPerClient: 4, bytesPerClient: 4000, bytes: 12_000 };

function randomUpdate(random: Random, seq: number, registered: Map<bigint, bigint>): OrderedUpdate {
  const clientId = BigInt(random.between(1, 9));
  const kind = random.between(1, 10) === 1 ? UpdateKind.REGISTER : UpdateKind.UNSPECIFIED;
  const known = registered.get(clientId);
  const session = known !== undefined && random.between(1, 3) > 1 ? known : 0n;
  const timestamp = kind === UpdateKind.REGISTER ? 0n : BigInt(random.between(1, 30));
  const update = new Uint8Array(random.between(0, 900)).fill(seq);
  return {
    seq,
    noop: false,
    clientId,
    timestamp,
    update: kind === UpdateKind.REGISTER ? new Uint8Array() : update,
    kind,
    session: kind === UpdateKind.REGISTER ? 0n : session,
    answeredUpTo: BigInt(random.between(0, Number(timestamp))),
    nodeId: 0n,
  };
}

function execute(sessions: Sessions, update: OrderedUpdate, registered?: Map<bigint, bigint>): string {
  const execution = sessions.execute(update, (bytes, seq) => Uint8Array.of(seq & 255, bytes.length & 255));
  if (update.kind === UpdateKind.REGISTER && execution.kind !== "expired")
    registered?.set(update.clientId, BigInt(execution.seq));
  return JSON.stringify(execution, (_, value: unknown) =>
    value instanceof Uint8Array ? Array.from(value) : value,
  );
}

/** As bytes and back, as in storage. */
function copy(record: ClientSession): ClientSession {
  return fromBinary(ClientSessionSchema, toBinary(ClientSessionSchema, record));
}

test("a table restored from a snapshot goes on as the one it was taken of, though that went on while it was taken", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const registered = new Map<bigint, bigint>();
    const original = new Sessions(bounds);
    let seq = 1;
    const before = random.between(0, 80);
    for (; seq <= before; seq++) execute(original, randomUpdate(random, seq, registered), registered);

    // Records are taken one by one, with updates between them.
    const snapshot = original.snapshot()[Symbol.iterator]();
    const restored = new Sessions(bounds);
    const later: OrderedUpdate[] = [];
    const answers: string[] = [];
    const goOn = () => {
      const update = randomUpdate(random, seq++, registered);
      later.push(update);
      answers.push(execute(original, update, registered));
    };
    for (;;) {
      for (let i = random.between(0, 5); i > 0; i--) goOn();
      const next = snapshot.next();
      if (next.done === true) break;
      restored.restore(copy(next.value));
    }
    for (let i = 0; i < 60; i++) goOn();
    expect(later.map((update) => execute(restored, update))).toEqual(answers);
    expect(restored.size).toBe(original.size);
  }
});

test("a session with more answers than a record holds takes several, and is one again", () => {
  const original = new Sessions();
  for (let i = 1; i <= 2000; i++) {
    const update = {
      ...randomUpdate(new Random(i), i, new Map()),
      clientId: 7n,
      kind: 0,
      timestamp: BigInt(i),
    };
    original.execute(update, () => new Uint8Array(i > 1500 ? 3000 : 1));
  }
  const records = [...original.snapshot()];
  expect(records.length).toBeGreaterThan(5);
  expect(records.map(({ continued }) => continued)).toEqual(records.map((_, i) => i < records.length - 1));
  for (const record of records) expect(toBinary(ClientSessionSchema, record).length).toBeLessThan(300_000);
  const restored = new Sessions();
  for (const record of records) restored.restore(copy(record));
  expect(restored.size).toBe(1);
  for (const timestamp of [1n, 1000n, 2000n]) {
    expect(restored.find({ clientId: 7n, timestamp })).toEqual(original.find({ clientId: 7n, timestamp }));
  }
});
