// Commands that do something to the nodes, or show something of them.
import type { Cluster } from "./cluster.js";
import type { Command, Target } from "./command.js";
import { DemoError } from "./demo-error.js";
import { allStatuses, leaderAmong, levelWithin } from "./leadership.js";
import { formatLogs } from "./log-view.js";
import type { Lookout } from "./lookout.js";
import type { Palette } from "./palette.js";

/** How long a node that was started again may take to be level before the table is shown anyway. */
const CATCH_UP_MS = 3_000;

export interface NodeCommandsOptions {
  readonly cluster: Pick<Cluster, "members" | "start" | "kill" | "status" | "log">;
  readonly lookout: Pick<Lookout, "noteEnd" | "look">;
  readonly palette: Palette;
  readonly signal: AbortSignal;
  /** Of the terminal, at this moment. */
  readonly columns: () => number;
  readonly print: (...lines: readonly string[]) => void;
}

export class NodeCommands {
  readonly #options: NodeCommandsOptions;

  constructor(options: NodeCommandsOptions) {
    this.#options = options;
  }

  /** Rejects with a {@link DemoError} when it cannot be done. */
  execute(command: Extract<Command, { name: "kill" | "restart" | "status" | "log" }>): Promise<void> {
    switch (command.name) {
      case "kill":
        return this.#kill(command.target);
      case "restart":
        return this.#restart(command.target);
      case "status":
        return this.#options.lookout.look("always");
      case "log":
        return this.#showLogs(command.count);
    }
  }

  async #kill(target: Target): Promise<void> {
    const { cluster, lookout, palette, print } = this.#options;
    const up = this.#nodes(true);
    const chosen = target === "leader" ? [await this.#leader()] : target === "all" ? up : [target];
    const killed = chosen.filter((nodeId) => up.includes(nodeId));
    if (killed.length === 0) throw new DemoError(`${these(chosen)} down already; :restart ${target}`);
    for (const nodeId of killed) lookout.noteEnd(nodeId);
    await Promise.all(killed.map((nodeId) => cluster.kill(nodeId)));
    print(palette.bad(`killed ${list(killed)}`) + " (kill -9)");
    await lookout.look("always");
  }

  async #restart(target: Exclude<Target, "leader">): Promise<void> {
    const { cluster, lookout, palette, signal, print } = this.#options;
    const down = this.#nodes(false);
    const chosen = target === "all" ? this.#options.cluster.members.map(({ nodeId }) => nodeId) : [target];
    const restarted = chosen.filter((nodeId) => down.includes(nodeId));
    if (restarted.length === 0) throw new DemoError(`${these(chosen)} up already; :kill ${target}`);
    const before = performance.now();
    await Promise.all(restarted.map((nodeId) => cluster.start(nodeId, signal)));
    const level = await levelWithin(CATCH_UP_MS, cluster, signal);
    const seconds = ((performance.now() - before) / 1000).toFixed(1);
    const end = level ? ", and level with the others" : "";
    print(palette.good(`${these(restarted)} up again`) + end + ` after ${seconds} s`);
    await lookout.look("always");
  }

  async #showLogs(count: number): Promise<void> {
    const { cluster, palette, signal, columns, print } = this.#options;
    const nodeCount = cluster.members.length;
    const logs = await Promise.all(
      this.#nodes(true).map(async (nodeId) => {
        try {
          return [{ nodeId, entries: await cluster.log(nodeId, 1, signal) }];
        } catch (error) {
          signal.throwIfAborted();
          print(palette.bad(`node ${nodeId}: ${error instanceof Error ? error.message : String(error)}`));
          return [];
        }
      }),
    );
    print(...formatLogs(logs.flat(), { count, nodeCount, width: columns(), palette }));
  }

  async #leader(): Promise<number> {
    const { cluster, signal } = this.#options;
    const leader = leaderAmong(await allStatuses(cluster, signal));
    if (leader === undefined) throw new DemoError("no node leads at this moment");
    return leader.nodeId;
  }

  #nodes(up: boolean): number[] {
    return this.#options.cluster.members
      .filter(({ pid }) => (pid !== undefined) === up)
      .map(({ nodeId }) => nodeId);
  }
}

function these(nodeIds: readonly number[]): string {
  return `${list(nodeIds)} ${nodeIds.length === 1 ? "is" : "are"}`;
}

function list(nodeIds: readonly number[]): string {
  const [first, ...more] = nodeIds;
  if (more.length === 0) return `node ${first}`;
  return `nodes ${nodeIds.slice(0, -1).join(", ")} and ${nodeIds.at(-1)}`;
}
