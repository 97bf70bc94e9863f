import { fromBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { InvariantError } from "@paxos/core";
import { encodeProposal, StoredRunSchema, type StoredRun } from "@paxos/proto";
import { MAX_RUN_UPDATES, MESSAGE_FORMAT, type RunId } from "./layout.js";

/**
 * Encodes a run. The bytes are those of `toBinary(StoredRunSchema, run)`, but those of the proposal are the
 * ones that were sent, not encoded again. `room` bytes follow them, for a seal.
 */
export function encodeStoredRun(run: StoredRun, room = 0): Uint8Array {
  const { formatVersion, epoch, ordered, proposal } = StoredRunSchema.field;
  const writer = new BinaryWriter();
  if (run.formatVersion !== 0) writer.tag(formatVersion.number, WireType.Varint).uint32(run.formatVersion);
  if (run.epoch !== 0n) writer.tag(epoch.number, WireType.Varint).uint64(run.epoch);
  if (run.ordered) writer.tag(ordered.number, WireType.Varint).bool(true);
  const content = run.proposal === undefined ? undefined : encodeProposal(run.proposal);
  if (content !== undefined) writer.tag(proposal.number, WireType.LengthDelimited).uint32(content.length);
  const head = writer.finish();
  // The writer would copy the proposal, and whoever seals the run would do so again: memory outside of the heap, whose
  // collection costs more than all else that a large save does in this thread.
  const bytes = new Uint8Array(head.length + (content?.length ?? 0) + room);
  bytes.set(head);
  if (content !== undefined) bytes.set(content, head.length);
  return bytes;
}

/**
 * Decodes a run; undefined when the bytes are not those of the run that `id` names. Its updates share memory
 * with `bytes`.
 */
export function decodeStoredRun(id: RunId, bytes: Uint8Array): StoredRun | undefined {
  let run: StoredRun;
  try {
    run = fromBinary(StoredRunSchema, bytes);
  } catch {
    return undefined;
  }
  const { proposal } = run;
  const fits =
    run.formatVersion === MESSAGE_FORMAT &&
    run.epoch === id.epoch &&
    run.ordered === id.ordered &&
    proposal?.view === id.view &&
    proposal.seq === BigInt(id.seq) &&
    proposal.updates.length === id.count;
  return fits ? run : undefined;
}

/** Names a run. Throws an {@link InvariantError} for one that the format cannot hold. */
export function runIdOf(run: StoredRun): RunId {
  const { proposal } = run;
  if (run.formatVersion !== MESSAGE_FORMAT || proposal === undefined) {
    throw new InvariantError(`a run to be saved needs a proposal and format version ${MESSAGE_FORMAT}`);
  }
  const seq = Number(proposal.seq);
  const count = proposal.updates.length;
  if (count < 1 || count > MAX_RUN_UPDATES) {
    throw new InvariantError(`a run of ${count} updates at seq ${seq}: 1 to ${MAX_RUN_UPDATES} can be saved`);
  }
  if (seq < 1 || !Number.isSafeInteger(seq + count)) {
    throw new InvariantError(`a run at seq ${proposal.seq}: seqs are from 1 to 2^53 - 1`);
  }
  return { seq, count, ordered: run.ordered, epoch: run.epoch, view: proposal.view };
}
