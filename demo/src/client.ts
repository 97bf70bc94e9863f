// A client of the cluster: it sends each update to a random server, and elsewhere when that one fails. Retries carry
// the same (client_id, timestamp), so the update is executed once, however often it is sent.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { create } from "@bufbuild/protobuf";
import { type ClientTransport, RequestError } from "@paxos/core";
import { type ClientUpdate, ClientUpdateSchema } from "@paxos/proto";

import { DemoError } from "./demo-error.js";

/** How long one server may take before another one is tried. */
const ATTEMPT_MS = 2_000;

/** The pause once all servers were tried. */
const PAUSE_MS = 50;

/** An update that the cluster has acknowledged. Times are those of performance.now(). */
export interface Acknowledged {
  readonly clientId: bigint;
  readonly timestamp: bigint;
  readonly update: Uint8Array;
  readonly seq: number;
  /** The node that has acknowledged it. */
  readonly nodeId: number;
  /** The nodes that failed before, in the order in which they were tried. */
  readonly failed: readonly number[];
  readonly sentAt: number;
  readonly acknowledgedAt: number;
}

/** Has updates ordered, as a client of its own. */
export interface Submitter {
  /** Tries until the update is ordered. Rejects when the signal is aborted: it may still be ordered then. */
  submit(text: string, signal: AbortSignal): Promise<Acknowledged>;
}

export class Client implements Submitter {
  readonly #transport: ClientTransport;
  readonly #addresses: readonly string[];
  readonly #clientId = randomClientId();
  #timestamp = 0n;

  /** @param addresses - Those of the servers, by node id. */
  constructor(transport: ClientTransport, addresses: readonly string[]) {
    this.#transport = transport;
    this.#addresses = addresses;
  }

  async submit(text: string, signal: AbortSignal): Promise<Acknowledged> {
    const update = create(ClientUpdateSchema, {
      clientId: this.#clientId,
      timestamp: ++this.#timestamp,
      update: Buffer.from(text),
    });
    const sentAt = performance.now();
    const failed: number[] = [];
    for (;;) {
      for (const nodeId of shuffled(this.#addresses.keys())) {
        signal.throwIfAborted();
        const seq = await this.#attempt(nodeId, update, signal);
        if (seq !== undefined) {
          const { clientId, timestamp, update: bytes } = update;
          const acknowledgedAt = performance.now();
          return { clientId, timestamp, update: bytes, seq, nodeId, failed, sentAt, acknowledgedAt };
        }
        failed.push(nodeId);
      }
      await sleep(PAUSE_MS, undefined, { signal });
    }
  }

  /** Resolves with undefined when another attempt may succeed. */
  async #attempt(nodeId: number, update: ClientUpdate, signal: AbortSignal): Promise<number | undefined> {
    const attempt = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]);
    try {
      const answer = await this.#transport.clientUpdate(this.#addresses[nodeId] ?? "", update, attempt);
      return Number(answer.seq);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      switch (error.code) {
        case "busy":
        case "unavailable":
        case "timed_out":
        case "cancelled":
          return undefined;
        case "too_large":
        case "invalid":
        case "expired":
        case "not_leader":
        case "refused":
          throw new DemoError(`node ${nodeId} refused an update: ${error.message}`, { cause: error });
      }
    }
  }
}

function shuffled(ids: Iterable<number>): number[] {
  return [...ids]
    .map((id) => ({ id, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ id }) => id);
}

/** 0 is reserved for no-ops. */
function randomClientId(): bigint {
  for (;;) {
    const id = randomBytes(8).readBigUInt64BE();
    if (id !== 0n) return id;
  }
}
