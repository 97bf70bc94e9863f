// Watches the nodes, and tells when the leader changes or a server ends by itself.
import { setTimeout as sleep } from "node:timers/promises";

import type { Cluster } from "./cluster.js";
import { type Leader, allStatuses, leaderAmong } from "./leadership.js";
import { observe } from "./observation.js";
import type { Palette } from "./palette.js";
import { formatTable } from "./table.js";

/** How often the nodes are asked who leads. */
const INTERVAL_MS = 100;

export interface LookoutOptions {
  readonly cluster: Pick<Cluster, "members" | "describeEnd" | "status" | "log">;
  readonly palette: Palette;
  readonly signal: AbortSignal;
  /** Of the terminal, at this moment. */
  readonly columns: () => number;
  readonly print: (...lines: readonly string[]) => void;
}

export class Lookout {
  readonly #options: LookoutOptions;
  /** What was told last. */
  #leader: Leader | undefined;
  readonly #up = new Set<number>();
  #leaderKilled: { readonly nodeId: number; readonly at: number } | undefined;
  /** One look at a time: they print. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** A server is about to be killed: its end is no news then, but the time until there is a new leader is. */
  expectEnd(nodeId: number): void {
    this.#up.delete(nodeId);
    if (this.#leader?.nodeId === nodeId) this.#leaderKilled = { nodeId, at: performance.now() };
  }

  /** Shows the table, and what has changed. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#show());
  }

  /** Looks again and again; shows the table when something has changed. Rejects when the signal is aborted. */
  async watch(): Promise<never> {
    const { cluster, signal } = this.#options;
    for (;;) {
      await sleep(INTERVAL_MS, undefined, { signal });
      await this.#inTurn(async () => {
        const leader = leaderAmong(await allStatuses(cluster, signal));
        if (!same(leader, this.#leader) || this.#ended().length > 0) await this.#show();
      });
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #show(): Promise<void> {
    const { cluster, palette, signal, columns, print } = this.#options;
    const nodes = await observe(cluster, signal);
    const leader = leaderAmong(nodes.map(({ status }) => status));
    const news = [...this.#ended().flatMap((nodeId) => this.#tellEnd(nodeId)), ...this.#tellLeader(leader)];
    for (const { nodeId, pid } of nodes) if (pid !== undefined) this.#up.add(nodeId);
    print(...news, ...formatTable(nodes, columns(), palette));
  }

  /** Those that have ended since the last look, and were not killed from here. */
  #ended(): number[] {
    return this.#options.cluster.members
      .filter(({ nodeId, pid }) => pid === undefined && this.#up.has(nodeId))
      .map(({ nodeId }) => nodeId);
  }

  #tellEnd(nodeId: number): string[] {
    const { cluster, palette } = this.#options;
    this.expectEnd(nodeId);
    const [how = "", ...log] = cluster.describeEnd(nodeId).split("\n");
    return [palette.bad(`node ${nodeId} has ended: ${how}; its log says last:`), ...log];
  }

  #tellLeader(leader: Leader | undefined): string[] {
    const before = this.#leader;
    this.#leader = leader;
    if (same(leader, before)) return [];
    const { palette, cluster } = this.#options;
    if (leader === undefined) {
      const up = cluster.members.filter(({ pid }) => pid !== undefined).length;
      const majority = Math.floor(cluster.members.length / 2) + 1;
      return [
        palette.bad("no leader: ") +
          (up < majority
            ? `${up} of ${cluster.members.length} nodes up, and it takes ${majority} to elect one and to order updates`
            : "the others elect one as soon as they have missed it long enough"),
      ];
    }
    const killed = this.#leaderKilled;
    this.#leaderKilled = undefined;
    const since =
      killed === undefined
        ? ""
        : `, ${((performance.now() - killed.at) / 1000).toFixed(1)} s after node ${killed.nodeId} was killed`;
    return [palette.leader(`node ${leader.nodeId} leads view ${leader.view}`) + since];
  }
}

function same(a: Leader | undefined, b: Leader | undefined): boolean {
  return a?.nodeId === b?.nodeId && a?.view === b?.view;
}
