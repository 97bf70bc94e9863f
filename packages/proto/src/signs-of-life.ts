// What every node tells every other all the time, in messages of a few numbers: read and written without reflection, which
// would take longer than what they are about.
import type { Accept, Heartbeat } from "./gen/paxos/v1/paxos_pb.js";
import {
  fieldLength,
  fixed64Bytes,
  fixed64FieldLength,
  lastVarint,
  lastVarintIsZero,
  readFixed64,
  readVarint,
  writeBoolField,
  writeField,
  writeFixed64Field,
} from "./varint.js";

const acceptTags = {
  nodeId: 0x08,
  view: 0x10,
  seq: 0x18,
  localAru: 0x20,
  saveNumber: 0x28,
  saveIncarnation: 0x31,
} as const;

const heartbeatTags = {
  nodeId: 0x08,
  view: 0x10,
  localAru: 0x18,
  promisedView: 0x20,
  acceptedSeq: 0x28,
  leading: 0x30,
  hearsQuorum: 0x38,
  knowsStores: 0x40,
  preparing: 0x48,
  saveNumber: 0x50,
  saveIncarnation: 0x59,
} as const;

/** How many bytes an Accept takes that has no fields but those of this release. */
export function acceptLength(accept: Accept): number {
  const { nodeId, view, seq, localAru, saveNumber, saveIncarnation } = accept;
  return (
    fieldLength(nodeId) +
    fieldLength(view) +
    fieldLength(seq) +
    fieldLength(localAru) +
    fieldLength(saveNumber) +
    fixed64FieldLength(saveIncarnation)
  );
}

/** Writes such an Accept. */
export function writeAccept(bytes: Uint8Array, at: number, accept: Accept): void {
  const { nodeId, view, seq, localAru, saveNumber, saveIncarnation } = accept;
  at = writeField(bytes, at, acceptTags.nodeId, nodeId);
  at = writeField(bytes, at, acceptTags.view, view);
  at = writeField(bytes, at, acceptTags.seq, seq);
  at = writeField(bytes, at, acceptTags.localAru, localAru);
  at = writeField(bytes, at, acceptTags.saveNumber, saveNumber);
  writeFixed64Field(bytes, at, acceptTags.saveIncarnation, saveIncarnation);
}

/** Undefined when it has fields that this release does not know, or is malformed. */
export function readAccept(bytes: Uint8Array, at: number, end: number): Accept | undefined {
  const accept: Accept = {
    $typeName: "paxos.v1.Accept",
    nodeId: 0n,
    view: 0n,
    seq: 0n,
    localAru: 0n,
    saveNumber: 0n,
    saveIncarnation: 0n,
  };
  while (at < end) {
    const tag = bytes[at++] as number;
    if (tag === acceptTags.saveIncarnation) {
      if (at + fixed64Bytes > end) return undefined;
      accept.saveIncarnation = readFixed64(bytes, at);
      at += fixed64Bytes;
      continue;
    }
    at = readVarint(bytes, at, end);
    if (at < 0) return undefined;
    switch (tag) {
      case acceptTags.nodeId:
        accept.nodeId = lastVarint();
        break;
      case acceptTags.view:
        accept.view = lastVarint();
        break;
      case acceptTags.seq:
        accept.seq = lastVarint();
        break;
      case acceptTags.localAru:
        accept.localAru = lastVarint();
        break;
      case acceptTags.saveNumber:
        accept.saveNumber = lastVarint();
        break;
      default:
        return undefined;
    }
  }
  return accept;
}

/** How many bytes a Heartbeat takes that has no fields but those of this release. */
export function heartbeatLength(heartbeat: Heartbeat): number {
  const { nodeId, view, localAru, promisedView, acceptedSeq, saveNumber, saveIncarnation } = heartbeat;
  const { leading, hearsQuorum, knowsStores, preparing } = heartbeat;
  const truths = Number(leading) + Number(hearsQuorum) + Number(knowsStores) + Number(preparing);
  return (
    fieldLength(nodeId) +
    fieldLength(view) +
    fieldLength(localAru) +
    fieldLength(promisedView) +
    fieldLength(acceptedSeq) +
    2 * truths +
    fieldLength(saveNumber) +
    fixed64FieldLength(saveIncarnation)
  );
}

/** Writes such a Heartbeat. */
export function writeHeartbeat(bytes: Uint8Array, at: number, heartbeat: Heartbeat): void {
  const { nodeId, view, localAru, promisedView, acceptedSeq, saveNumber, saveIncarnation } = heartbeat;
  const { leading, hearsQuorum, knowsStores, preparing } = heartbeat;
  at = writeField(bytes, at, heartbeatTags.nodeId, nodeId);
  at = writeField(bytes, at, heartbeatTags.view, view);
  at = writeField(bytes, at, heartbeatTags.localAru, localAru);
  at = writeField(bytes, at, heartbeatTags.promisedView, promisedView);
  at = writeField(bytes, at, heartbeatTags.acceptedSeq, acceptedSeq);
  at = writeBoolField(bytes, at, heartbeatTags.leading, leading);
  at = writeBoolField(bytes, at, heartbeatTags.hearsQuorum, hearsQuorum);
  at = writeBoolField(bytes, at, heartbeatTags.knowsStores, knowsStores);
  at = writeBoolField(bytes, at, heartbeatTags.preparing, preparing);
  at = writeField(bytes, at, heartbeatTags.saveNumber, saveNumber);
  writeFixed64Field(bytes, at, heartbeatTags.saveIncarnation, saveIncarnation);
}

/** Undefined when it has fields that this release does not know, or is malformed. */
export function readHeartbeat(bytes: Uint8Array, at: number, end: number): Heartbeat | undefined {
  const heartbeat = newHeartbeat();
  while (at < end) {
    const tag = bytes[at++] as number;
    if (tag === heartbeatTags.saveIncarnation) {
      if (at + fixed64Bytes > end) return undefined;
      heartbeat.saveIncarnation = readFixed64(bytes, at);
      at += fixed64Bytes;
      continue;
    }
    at = readVarint(bytes, at, end);
    if (at < 0 || !setLast(heartbeat, tag)) return undefined;
  }
  return heartbeat;
}

function newHeartbeat(): Heartbeat {
  return {
    $typeName: "paxos.v1.Heartbeat",
    nodeId: 0n,
    view: 0n,
    localAru: 0n,
    promisedView: 0n,
    acceptedSeq: 0n,
    leading: false,
    hearsQuorum: false,
    knowsStores: false,
    preparing: false,
    saveNumber: 0n,
    saveIncarnation: 0n,
  };
}

/** Sets a field to the number that was read last; false when there is no such field. */
function setLast(heartbeat: Heartbeat, tag: number): boolean {
  switch (tag) {
    case heartbeatTags.nodeId:
      heartbeat.nodeId = lastVarint();
      return true;
    case heartbeatTags.view:
      heartbeat.view = lastVarint();
      return true;
    case heartbeatTags.localAru:
      heartbeat.localAru = lastVarint();
      return true;
    case heartbeatTags.promisedView:
      heartbeat.promisedView = lastVarint();
      return true;
    case heartbeatTags.acceptedSeq:
      heartbeat.acceptedSeq = lastVarint();
      return true;
    case heartbeatTags.leading:
      heartbeat.leading = !lastVarintIsZero();
      return true;
    case heartbeatTags.hearsQuorum:
      heartbeat.hearsQuorum = !lastVarintIsZero();
      return true;
    case heartbeatTags.knowsStores:
      heartbeat.knowsStores = !lastVarintIsZero();
      return true;
    case heartbeatTags.preparing:
      heartbeat.preparing = !lastVarintIsZero();
      return true;
    case heartbeatTags.saveNumber:
      heartbeat.saveNumber = lastVarint();
      return true;
    default:
      return false;
  }
}
