// Three nodes that are none: one order, kept in memory.
import { create } from "@bufbuild/protobuf";
import { Role, type StatusResponse, StatusResponseSchema } from "@paxos/proto";

import type { Acknowledged, Submitter } from "../src/client.js";
import type { Member } from "../src/cluster.js";
import type { LogEntry } from "../src/log-entry.js";
import type { Ending } from "../src/server-process.js";
import type { SessionCluster } from "../src/session.js";

const MAJORITY = 2;

export class FakeCluster implements SessionCluster {
  readonly hostfile = "/tmp/hosts";
  leader: number | undefined = 1;
  view = 1;
  readonly entries: LogEntry[] = [];
  readonly #up = [true, true, true];
  readonly #lost = [false, false, false];
  readonly #listeners = new Set<() => void>();

  get members(): Member[] {
    return this.#up.map((up, nodeId) => ({
      nodeId,
      port: 12_000 + nodeId,
      pid: up ? 100 + nodeId : undefined,
      lost: this.#lost[nodeId] === true,
    }));
  }

  client(): Submitter {
    let timestamp = 0n;
    return {
      submit: async (text, signal) => this.#order(text, ++timestamp, signal),
    };
  }

  async #order(text: string, timestamp: bigint, signal: AbortSignal): Promise<Acknowledged> {
    while (!this.#orders) await this.#change(signal);
    const nodeId = this.#up.indexOf(true);
    const seq = this.entries.length + 2;
    const update = Buffer.from(text);
    this.entries.push({ seq, clientId: 7n, timestamp, enteredAt: nodeId, update, duplicate: false });
    return { clientId: 7n, timestamp, update, seq, nodeId, failed: [], sentAt: 0, acknowledgedAt: 4 };
  }

  get #orders(): boolean {
    return this.leader !== undefined && this.#up.filter(Boolean).length >= MAJORITY;
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
      this.#listeners.add(resolve);
    });
  }

  async start(nodeId: number): Promise<void> {
    this.#up[nodeId] = true;
    this.#lost[nodeId] = false;
    for (const listener of this.#listeners) listener();
  }

  async kill(nodeId: number): Promise<void> {
    this.#up[nodeId] = false;
    if (this.leader === nodeId) this.leader = undefined;
  }

  /** A node ends by itself. */
  lose(nodeId: number): void {
    this.#up[nodeId] = false;
    this.#lost[nodeId] = true;
  }

  elect(nodeId: number): void {
    this.leader = nodeId;
    this.view++;
    for (const listener of this.#listeners) listener();
  }

  ending(): Ending {
    return { how: "status 1", lastWords: ["the last line of its log"] };
  }

  async status(nodeId: number): Promise<StatusResponse | undefined> {
    if (this.#up[nodeId] !== true) return undefined;
    const aru = BigInt(this.entries.length + 1);
    return create(StatusResponseSchema, {
      nodeId: BigInt(nodeId),
      role: this.leader === nodeId ? Role.LEADER : Role.FOLLOWER,
      view: BigInt(this.view),
      ...(this.leader === undefined ? {} : { leaderId: BigInt(this.leader) }),
      localAru: aru,
      appliedSeq: aru,
    });
  }

  async log(_nodeId: number, fromSeq: number): Promise<LogEntry[]> {
    return this.entries.filter(({ seq }) => seq >= fromSeq);
  }
}
