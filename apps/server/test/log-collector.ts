// The log as all servers together give it, though each of them drops its beginning and is killed now and then.
import { setTimeout as sleep } from "node:timers/promises";

import { create } from "@bufbuild/protobuf";
import { type ClientTransport, RequestError } from "@paxos/core";
import { type GloballyOrderedUpdate, LogRequestSchema } from "@paxos/proto";

/** An entry of the log, for comparing: which update of which client stands there, and whether it was executed there. */
export interface CollectedEntry {
  readonly update: string;
  readonly key: string;
  readonly executed: boolean;
}

/** A stretch of the log of which a server has given all that is in it. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Follows the logs of all servers, and compares them where they overlap. */
export class LogCollector {
  /** By seq. No-ops and registrations hold seqs, and do not show. */
  readonly entries = new Map<number, CollectedEntry>();
  /** Two servers have different entries at one seq. */
  readonly differences: string[] = [];
  /** How often a server had dropped what it was asked for. */
  gaps = 0;
  readonly #stretches: Stretch[];
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;

  constructor(
    private readonly transport: ClientTransport,
    addresses: readonly string[],
  ) {
    this.#stretches = addresses.map(() => ({ from: 1, to: 0 }));
    this.#done = Promise.all(addresses.map((address, server) => this.#follow(server, address)));
  }

  /** Everything up to here has been collected. */
  get frontier(): number {
    return this.#frontier;
  }
  #frontier = 0;

  /** How far the log of one server has been followed. */
  reached(server: number): number {
    return this.#stretches[server]?.to ?? 0;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #follow(server: number, address: string): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const fromSeq = BigInt(this.reached(server) + 1);
        const request = create(LogRequestSchema, { fromSeq, follow: true });
        for await (const { entries, firstSeq } of this.transport.log(address, request, signal)) {
          if (firstSeq > 0n) this.#skip(server, Number(firstSeq));
          for (const entry of entries) this.#add(server, entry);
        }
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
      }
      // It was killed.
      await sleep(20);
    }
  }

  #skip(server: number, firstSeq: number): void {
    this.gaps++;
    this.#stretches[server] = { from: firstSeq, to: firstSeq - 1 };
  }

  #add(server: number, { seq: wide, update, duplicate }: GloballyOrderedUpdate): void {
    const seq = Number(wide);
    const entry: CollectedEntry = {
      update: Buffer.from(update?.update ?? []).toString(),
      key: `${update?.clientId}/${update?.timestamp}`,
      executed: !duplicate,
    };
    const known = this.entries.get(seq);
    if (known === undefined) this.entries.set(seq, entry);
    else if (JSON.stringify(known) !== JSON.stringify(entry))
      this.differences.push(
        `seq ${seq}: ${JSON.stringify(known)}, of server ${server} ${JSON.stringify(entry)}`,
      );
    this.#stretches[server] = { from: this.#stretches[server]?.from ?? 1, to: seq };
    for (const { from, to } of this.#stretches) {
      if (from <= this.#frontier + 1 && to > this.#frontier) this.#frontier = to;
    }
  }
}
