// What a node must not forget, as it is written with every save: without reflection, which would take longer than all else
// that a small save does.
import { toBinary } from "@bufbuild/protobuf";
import { getTextEncoding } from "@bufbuild/protobuf/wire";
import { EpochRecordSchema, type EpochRecord } from "./gen/paxos/v1/membership_pb.js";
import {
  PersistentStateSchema,
  type PeerStore,
  type PersistentState,
  type SaveHistory,
  type SaveMark,
} from "./gen/paxos/v1/storage_pb.js";
import {
  beginPiece,
  fieldLength,
  fixed64FieldLength,
  pieceLength,
  varintLength,
  writeBytesField,
  writeField,
  writeFixed64Field,
  writePiece,
  writeVarint,
} from "./varint.js";

const tags = {
  nodeId: 0x08,
  nodeCount: 0x10,
  lastInstalled: 0x18,
  formatVersion: 0x30,
  saveNumber: 0x38,
  promisedView: 0x40,
  ledView: 0x48,
  localAru: 0x50,
  epochRecord: 0x5a,
  peerStores: 0x62,
  saveHistory: 0x6a,
  clusterId: 0x72,
  address: 0x7a,
} as const;
const markTags = { incarnation: 0x09, saveNumber: 0x10 } as const;
const storeTags = { nodeId: 0x08, storeId: 0x11, save: 0x1a } as const;
const historyTags = { marks: 0x0a } as const;

// The membership changes with epochs only. It is encoded once, for as long as somebody holds it.
const encoded = new WeakMap<EpochRecord, Uint8Array>();

/**
 * Encodes a state, as `toBinary(PersistentStateSchema, state)` does. Its epoch record must not be changed once it has been
 * passed here.
 */
export function encodePersistentState(state: PersistentState): Uint8Array {
  return isUsual(state) ? write(state) : toBinary(PersistentStateSchema, state);
}

/** Whether it has nothing but the fields that this release writes. */
function isUsual({ prepare, proposal, $unknown, peerStores, saveHistory }: PersistentState): boolean {
  const marks = [...(saveHistory?.marks ?? []), ...peerStores.map(({ save }) => save)];
  const parts = [saveHistory, ...peerStores, ...marks];
  return (
    prepare === undefined &&
    proposal === undefined &&
    $unknown === undefined &&
    parts.every((part) => part?.$unknown === undefined)
  );
}

function write(state: PersistentState): Uint8Array {
  const record = state.epochRecord && encodeEpochRecord(state.epochRecord);
  const address = getTextEncoding().encodeUtf8(state.address);
  const formatVersion = BigInt(state.formatVersion);
  const { nodeId, nodeCount, lastInstalled, saveNumber, promisedView, ledView, localAru } = state;
  const { peerStores, saveHistory, clusterId } = state;
  let length =
    fieldLength(nodeId) +
    fieldLength(nodeCount) +
    fieldLength(lastInstalled) +
    fieldLength(formatVersion) +
    fieldLength(saveNumber) +
    fieldLength(promisedView) +
    (ledView === undefined ? 0 : 1 + varintLength(ledView)) +
    fieldLength(localAru) +
    (record === undefined ? 0 : pieceLength(record.length));
  for (const store of peerStores) length += pieceLength(storeLength(store));
  if (saveHistory !== undefined) length += pieceLength(historyLength(saveHistory));
  if (clusterId.length > 0) length += pieceLength(clusterId.length);
  if (address.length > 0) length += pieceLength(address.length);

  const bytes = new Uint8Array(length);
  let at = writeField(bytes, 0, tags.nodeId, nodeId);
  at = writeField(bytes, at, tags.nodeCount, nodeCount);
  at = writeField(bytes, at, tags.lastInstalled, lastInstalled);
  at = writeField(bytes, at, tags.formatVersion, formatVersion);
  at = writeField(bytes, at, tags.saveNumber, saveNumber);
  at = writeField(bytes, at, tags.promisedView, promisedView);
  if (ledView !== undefined) {
    bytes[at] = tags.ledView;
    at = writeVarint(bytes, at + 1, ledView);
  }
  at = writeField(bytes, at, tags.localAru, localAru);
  if (record !== undefined) at = writePiece(bytes, at, tags.epochRecord, record);
  for (const store of peerStores) {
    at = writeStore(bytes, beginPiece(bytes, at, tags.peerStores, storeLength(store)), store);
  }
  if (saveHistory !== undefined) {
    at = beginPiece(bytes, at, tags.saveHistory, historyLength(saveHistory));
    for (const mark of saveHistory.marks) {
      at = writeMark(bytes, beginPiece(bytes, at, historyTags.marks, markLength(mark)), mark);
    }
  }
  at = writeBytesField(bytes, at, tags.clusterId, clusterId);
  writeBytesField(bytes, at, tags.address, address);
  return bytes;
}

function encodeEpochRecord(record: EpochRecord): Uint8Array {
  let bytes = encoded.get(record);
  if (bytes === undefined) {
    bytes = toBinary(EpochRecordSchema, record);
    encoded.set(record, bytes);
  }
  return bytes;
}

function markLength({ incarnation, saveNumber }: SaveMark): number {
  return fixed64FieldLength(incarnation) + fieldLength(saveNumber);
}

function writeMark(bytes: Uint8Array, at: number, { incarnation, saveNumber }: SaveMark): number {
  at = writeFixed64Field(bytes, at, markTags.incarnation, incarnation);
  return writeField(bytes, at, markTags.saveNumber, saveNumber);
}

function historyLength({ marks }: SaveHistory): number {
  return marks.reduce((sum, mark) => sum + pieceLength(markLength(mark)), 0);
}

function storeLength({ nodeId, storeId, save }: PeerStore): number {
  const marked = save === undefined ? 0 : pieceLength(markLength(save));
  return fieldLength(nodeId) + fixed64FieldLength(storeId) + marked;
}

function writeStore(bytes: Uint8Array, at: number, { nodeId, storeId, save }: PeerStore): number {
  at = writeField(bytes, at, storeTags.nodeId, nodeId);
  at = writeFixed64Field(bytes, at, storeTags.storeId, storeId);
  if (save === undefined) return at;
  return writeMark(bytes, beginPiece(bytes, at, storeTags.save, markLength(save)), save);
}
