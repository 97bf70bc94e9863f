// Watches the nodes, and tells when the leader changes or a server ends by itself.
import { setTimeout as sleep } from "node:timers/promises";

import type { Cluster } from "./cluster.js";
import { type Leader, allStatuses, leaderAmong } from "./leadership.js";
import { observe } from "./observation.js";
import type { Palette } from "./palette.js";
import { formatTable } from "./table.js";

/** How often the nodes are asked who leads. */
const INTERVAL_MS = 100;

/** For so long a table need not be shown again when nothing in it has changed. */
const FRESH_MS = 1_000;

export interface LookoutOptions {
  readonly cluster: Pick<Cluster, "members" | "ending" | "status" | "log">;
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
  /** Lost servers that have been told of. */
  readonly #toldLost = new Set<number>();
  #shown = { table: "", at: -Infinity };
  #leaderKilled: { readonly nodeId: number; readonly at: number } | undefined;
  /** One look at a time: they print. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** A server is about to be killed, or has just ended: if it led, it is told how long it takes until another one does. */
  noteEnd(nodeId: number): void {
    if (this.#leader?.nodeId === nodeId) this.#leaderKilled = { nodeId, at: performance.now() };
  }

  /** Shows what has changed, and the table, unless it need not be always and has been shown just now. */
  look(how: "always" | "when it is news"): Promise<void> {
    return this.#inTurn(() => this.#show(how));
  }

  /** Looks again and again; shows the table when something has changed. Rejects when the signal is aborted. */
  async watch(): Promise<never> {
    const { cluster, signal } = this.#options;
    for (;;) {
      await sleep(INTERVAL_MS, undefined, { signal });
      await this.#inTurn(async () => {
        const leader = leaderAmong(await allStatuses(cluster, signal));
        if (!same(leader, this.#leader) || this.#lost().length > 0) await this.#show("always");
      });
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #show(how: "always" | "when it is news"): Promise<void> {
    const { cluster, palette, signal, columns, print } = this.#options;
    const nodes = await observe(cluster, signal);
    const leader = leaderAmong(nodes.map(({ status }) => status));
    const news = [...this.#lost().flatMap((nodeId) => this.#tellLost(nodeId)), ...this.#tellLeader(leader)];
    const lines = formatTable(nodes, columns(), palette);
    const table = lines.join("\n");
    const now = performance.now();
    const fresh = table === this.#shown.table && now < this.#shown.at + FRESH_MS;
    if (how === "when it is news" && fresh && news.length === 0) return;
    this.#shown = { table, at: now };
    print(...news, ...lines);
  }

  /** Those that have not been told of. */
  #lost(): number[] {
    const { members } = this.#options.cluster;
    for (const { nodeId, lost } of members) if (!lost) this.#toldLost.delete(nodeId);
    return members
      .filter(({ nodeId, lost }) => lost && !this.#toldLost.has(nodeId))
      .map(({ nodeId }) => nodeId);
  }

  #tellLost(nodeId: number): string[] {
    const { cluster, palette } = this.#options;
    this.#toldLost.add(nodeId);
    this.noteEnd(nodeId);
    const { how, lastWords } = cluster.ending(nodeId);
    return [
      palette.bad(`node ${nodeId} has ended, but not from here: ${how}`),
      ...lastWords.map((line) => `  ${line}`),
    ];
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
            ? `${up} of ${cluster.members.length} nodes up, and it takes ${majority} to elect one`
            : "the nodes that are up will elect one"),
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
