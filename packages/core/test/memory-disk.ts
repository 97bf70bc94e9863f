import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { PersistentStateSchema, StoredRunSchema, type PersistentState, type StoredRun } from "@paxos/proto";
import type { Save, StoredState, StoredUpdates } from "../src/ports.js";

/** A disk as bytes, so that nothing that a node holds in memory survives its crash by accident. */
export class MemoryDisk {
  #state: Uint8Array | undefined;
  #runs: Uint8Array[] = [];

  constructor(readonly storeId: bigint) {}

  write(save: Save): void {
    this.#state = toBinary(PersistentStateSchema, save.state);
    for (const run of save.runs) this.#runs.push(toBinary(StoredRunSchema, run));
  }

  get state(): PersistentState | undefined {
    return this.#state && fromBinary(PersistentStateSchema, this.#state);
  }

  load(): StoredState {
    const { state, storeId } = this;
    const aru = state?.localAru ?? 0n;
    const runs = this.#all().filter((run) => end(run) > aru);
    return state === undefined ? { storeId, runs } : { storeId, state, runs };
  }

  /**
   * The ordered value at each seq up to the mark, by the rule of the port: ordered runs count, else the
   * highest ballot.
   */
  values(upTo: number): Map<number, Uint8Array> {
    const best = new Map<number, { rank: bigint; update: Uint8Array }>();
    for (const run of this.#all()) {
      const rank = run.ordered ? 1n << 62n : (run.proposal?.view ?? 0n);
      run.proposal?.updates.forEach((update, i) => {
        const seq = Number(run.proposal?.seq) + i;
        const known = best.get(seq);
        if (seq <= upTo && (known === undefined || known.rank < rank)) best.set(seq, { rank, update });
      });
    }
    return new Map([...best].map(([seq, { update }]) => [seq, update]));
  }

  read(from: number, upTo: number, maxBytes: number): StoredUpdates {
    const values = this.values(upTo);
    const updates: Uint8Array[] = [];
    let bytes = 0;
    for (let seq = from; seq <= upTo; seq++) {
      const update = values.get(seq);
      if (update === undefined || (updates.length > 0 && bytes + update.length > maxBytes)) break;
      updates.push(update);
      bytes += update.length;
    }
    return { seq: from, updates, firstSeq: 1 };
  }

  #all(): StoredRun[] {
    return this.#runs.map((bytes) => fromBinary(StoredRunSchema, bytes));
  }
}

function end(run: StoredRun): bigint {
  return (run.proposal?.seq ?? 0n) + BigInt(run.proposal?.updates.length ?? 0) - 1n;
}
