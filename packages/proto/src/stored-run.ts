// Runs of updates as they lie on disk: read and written without reflection, for all that is ordered is among them.
import { fromBinary } from "@bufbuild/protobuf";
import { proposalLength, readProposal, writeProposalInto } from "./encode.js";
import type { Proposal } from "./gen/paxos/v1/paxos_pb.js";
import { StoredRunSchema, type StoredRun } from "./gen/paxos/v1/storage_pb.js";
import {
  beginPiece,
  fieldLength,
  lastVarint,
  lastVarint31,
  lastVarintIsZero,
  pieceLength,
  readVarint,
  writeField,
} from "./varint.js";

const tags = { formatVersion: 0x08, epoch: 0x10, ordered: 0x18, proposal: 0x22 };

/**
 * Encodes a run. The bytes are those of `toBinary(StoredRunSchema, run)`; a proposal that has been encoded is not
 * encoded again. `room` bytes follow them, for a checksum say: a large run is then written to memory once.
 */
export function encodeStoredRun(
  { formatVersion, epoch, ordered, proposal }: StoredRun,
  room = 0,
): Uint8Array {
  const size = proposal === undefined ? 0 : proposalLength(proposal);
  const length =
    fieldLength(BigInt(formatVersion)) +
    fieldLength(epoch) +
    (ordered ? 2 : 0) +
    (proposal === undefined ? 0 : pieceLength(size));
  const bytes = new Uint8Array(length + room);
  let at = writeField(bytes, 0, tags.formatVersion, BigInt(formatVersion));
  at = writeField(bytes, at, tags.epoch, epoch);
  if (ordered) at = writeField(bytes, at, tags.ordered, 1n);
  if (proposal !== undefined) {
    writeProposalInto(bytes, beginPiece(bytes, at, tags.proposal, size), proposal);
  }
  return bytes;
}

/** Decodes a run, as `fromBinary(StoredRunSchema, bytes)` does. Updates in it are views of `bytes`, not copies. */
export function decodeStoredRun(bytes: Uint8Array): StoredRun {
  return readStoredRun(bytes) ?? fromBinary(StoredRunSchema, bytes);
}

/** Undefined when it has fields that this release does not know, or is malformed. */
function readStoredRun(bytes: Uint8Array): StoredRun | undefined {
  const end = bytes.length;
  let formatVersion = 0;
  let epoch = 0n;
  let ordered = false;
  let proposal: Proposal | undefined;
  for (let at = 0; at < end;) {
    const tag = bytes[at++] as number;
    at = readVarint(bytes, at, end);
    if (at < 0) return undefined;
    switch (tag) {
      case tags.formatVersion:
        formatVersion = lastVarint31();
        if (formatVersion < 0) return undefined;
        break;
      case tags.epoch:
        epoch = lastVarint();
        break;
      case tags.ordered:
        ordered = !lastVarintIsZero();
        break;
      case tags.proposal: {
        const size = lastVarint31();
        // One that comes twice would be merged.
        if (size < 0 || size > end - at || proposal !== undefined) return undefined;
        proposal = readProposal(bytes, at, at + size);
        if (proposal === undefined) return undefined;
        at += size;
        break;
      }
      default:
        return undefined;
    }
  }
  const run: StoredRun = { $typeName: "paxos.v1.StoredRun", formatVersion, epoch, ordered };
  if (proposal !== undefined) run.proposal = proposal;
  return run;
}
