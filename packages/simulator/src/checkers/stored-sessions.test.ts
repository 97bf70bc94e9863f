import { create } from "@bufbuild/protobuf";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { SnapshotPartSchema, SnapshotSchema, type SnapshotPart } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { StoredSessions } from "./stored-sessions.js";

const part = (type: SnapshotPart["type"]) =>
  sizeDelimitedEncode(SnapshotPartSchema, create(SnapshotPartSchema, { type }));
const session = (clientId: bigint) =>
  part({
    case: "session",
    value: { $typeName: "paxos.v1.ClientSession", clientId, answers: [], continued: false },
  });
const state = (byte: number) => part({ case: "state", value: Uint8Array.of(byte) });

test("sessions are compared at equal seqs, and nothing else is", () => {
  const found: string[] = [];
  const checker = new StoredSessions((finding) => found.push(finding));
  const held = (nodeId: number, seq: number, ...parts: Uint8Array[]) =>
    checker.snapshotHeld(nodeId, create(SnapshotSchema, { seq: BigInt(seq) }), Buffer.concat(parts));
  held(0, 5, session(1n), session(2n), state(1));
  held(1, 5, session(1n), session(2n), state(2));
  held(2, 6, session(1n), state(2));
  expect(found).toEqual([]);
  held(2, 5, session(2n), session(1n), state(1));
  held(1, 6, state(2));
  expect(found).toEqual([
    "at seq 5 the sessions of node 2 are not those of node 0",
    "at seq 6 the sessions of node 1 are not those of node 2",
  ]);
});
