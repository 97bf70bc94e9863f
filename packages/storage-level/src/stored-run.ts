import { InvariantError } from "@paxos/core";
import { decodeStoredRun as decode, type StoredRun } from "@paxos/proto";
import { MAX_RUN_UPDATES, MESSAGE_FORMAT, type RunId } from "./layout.js";

/**
 * Decodes a run; undefined when the bytes are not those of the run that `id` names. Its updates share memory
 * with `bytes`.
 */
export function decodeStoredRun(id: RunId, bytes: Uint8Array): StoredRun | undefined {
  let run: StoredRun;
  try {
    run = decode(bytes);
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
