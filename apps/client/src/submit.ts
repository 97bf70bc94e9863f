// One update's way to its seq: sent to a random reachable server, and elsewhere when that one fails. Retries carry
// the same (client_id, timestamp), so it is executed at most once.
import { randomBytes } from "node:crypto";

import { create } from "@bufbuild/protobuf";
import { type ClientTransport, RequestError } from "@paxos/core";
import type { HostfileMember } from "@paxos/hostfile";
import { type ClientUpdate, ClientUpdateSchema } from "@paxos/proto";

import { type Environment, within } from "./environment.js";
import { type Servers, describeServer, reasonOf } from "./servers.js";

/** How long one server may take at first; doubled each time that one does not answer, up to the second. */
const FIRST_ATTEMPT_MS = 2_000;
const LONGEST_ATTEMPT_MS = 16_000;

/** The pause once all servers were tried; doubled each time, up to the second, a random half of it left out. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** What became of an update. */
export type Outcome =
  | { readonly kind: "ordered"; readonly seq: number }
  /** It was refused, for good. */
  | { readonly kind: "refused"; readonly reason: string }
  /** No server ordered it in time; it may still be ordered. */
  | { readonly kind: "timed out"; readonly reason: string }
  /** The program ends; it may still be ordered. */
  | { readonly kind: "interrupted" };

export interface SubmitterOptions {
  readonly servers: Servers;
  readonly transport: ClientTransport;
  readonly environment: Pick<Environment, "now" | "random" | "wait" | "interrupt">;
  /** How long an update is retried; 0 is for ever. */
  readonly timeoutMs: number;
  /** How long one server may take at first. */
  readonly firstAttemptMs?: number;
  /** Told when a server fails that did not before. */
  readonly onFailure: (line: string) => void;
  /** Told everything that is tried. */
  readonly onAttempt: (line: string) => void;
}

/** A client of the cluster: an id, and updates numbered from 1. */
export class Submitter {
  readonly #options: SubmitterOptions;
  readonly #clientId = randomClientId();
  #timestamp = 0n;

  constructor(options: SubmitterOptions) {
    this.#options = options;
  }

  /** Has an update ordered. Rejects only when the program itself is wrong. */
  async submit(bytes: Uint8Array): Promise<Outcome> {
    const { environment, servers, timeoutMs } = this.#options;
    const { signal } = environment.interrupt;
    const update = create(ClientUpdateSchema, {
      clientId: this.#clientId,
      timestamp: ++this.#timestamp,
      update: bytes,
    });
    const deadline = timeoutMs === 0 ? Infinity : environment.now() + timeoutMs;
    const tried = new Set<HostfileMember>();
    let attemptMs = this.#options.firstAttemptMs ?? FIRST_ATTEMPT_MS;
    let pauseMs = FIRST_PAUSE_MS;
    let reason = "no server was reached";
    for (;;) {
      const left = deadline - environment.now();
      if (signal.aborted) return { kind: "interrupted" };
      if (left <= 0) return { kind: "timed out", reason };
      const server = servers.pick(tried);
      if (server === undefined) {
        tried.clear();
        await environment.wait(Math.min(left, pauseMs * (0.5 + environment.random() / 2)), signal);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
        continue;
      }
      tried.add(server);
      const outcome = await this.#attempt(server, update, Math.min(left, attemptMs));
      if ("kind" in outcome) return outcome;
      reason = outcome.reason;
      if (outcome.slow) attemptMs = Math.min(2 * attemptMs, LONGEST_ATTEMPT_MS);
    }
  }

  async #attempt(server: HostfileMember, update: ClientUpdate, ms: number): Promise<Outcome | Failure> {
    const { transport, servers, environment, onAttempt, onFailure } = this.#options;
    const what = `update ${update.timestamp}`;
    onAttempt(`${what}: sending to ${describeServer(server)}`);
    try {
      const send = (signal: AbortSignal) => transport.clientUpdate(server.address, update, signal);
      const answer = await within(ms, environment.interrupt.signal, send);
      servers.answered(server);
      onAttempt(`${what}: ordered as seq ${answer.seq}${answer.duplicate ? ", by an earlier attempt" : ""}`);
      return { kind: "ordered", seq: Number(answer.seq) };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const reason = `${describeServer(server)}: ${reasonOf(error, ms)}`;
      onAttempt(`${what}: ${reason}`);
      switch (error.code) {
        case "too_large":
        case "invalid":
        case "expired":
          return { kind: "refused", reason };
        case "busy":
          return { reason, slow: false };
        case "unavailable":
        case "timed_out":
        case "cancelled":
          if (environment.interrupt.signal.aborted) return { kind: "interrupted" };
          if (servers.failed(server)) onFailure(`${reason}; trying elsewhere`);
          return { reason, slow: error.code === "cancelled" };
      }
    }
  }
}

/** An attempt after which another may succeed. */
interface Failure {
  readonly reason: string;
  /** It was ended for want of an answer. */
  readonly slow: boolean;
}

/** 0 is reserved for no-ops. */
function randomClientId(): bigint {
  for (;;) {
    const id = randomBytes(8).readBigUInt64BE();
    if (id !== 0n) return id;
  }
}
