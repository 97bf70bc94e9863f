// The demo at a terminal: what is typed is done, what happens is told.
import type { Readable } from "node:stream";

import type { Acknowledged } from "./client.js";
import type { Cluster } from "./cluster.js";
import { type Command, COMMANDS, completeCommand, looksLikeCommand, parseCommand } from "./command.js";
import { DemoError } from "./demo-error.js";
import { escapeControls, truncate } from "./fit.js";
import { allStatuses, levelWithin } from "./leadership.js";
import { Lookout } from "./lookout.js";
import { NodeCommands } from "./node-commands.js";
import type { Palette } from "./palette.js";
import { Prompt, type PromptOptions } from "./prompt.js";
import { TypedUpdates } from "./typed-updates.js";
import { until } from "./until.js";

/** The others learn of an update a moment after the node that acknowledged it. */
const SETTLE_MS = 300;

/** For so long nothing is said about who leads. */
const FIRST_ELECTION_MS = 3_000;

/** A typed line is repeated up to this many columns. */
const QUOTE_WIDTH = 24;

/** What a session does with a cluster. */
export type SessionCluster = Pick<
  Cluster,
  "members" | "hostfile" | "client" | "start" | "kill" | "ending" | "status" | "log"
>;

export interface SessionOptions {
  readonly cluster: SessionCluster;
  readonly input: Readable;
  readonly output: PromptOptions["output"];
  readonly palette: Palette;
  /** Ends the session. */
  readonly signal: AbortSignal;
}

/** Resolves when the person has left, or the signal is aborted. Rejects when the demo cannot go on. */
export async function runSession(options: SessionOptions): Promise<void> {
  await new Session(options).run();
}

class Session {
  readonly #options: SessionOptions;
  readonly #end = new AbortController();
  readonly #prompt: Prompt;
  readonly #lookout: Lookout;
  readonly #nodes: NodeCommands;
  readonly #updates: TypedUpdates;
  readonly #background = new Set<Promise<void>>();
  /** One command at a time, in the order in which they were typed. */
  #commands: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { cluster, input, output, palette } = options;
    const { signal } = this.#end;
    this.#prompt = new Prompt({
      input,
      output,
      prompt: palette.strong("> "),
      complete: completeCommand,
      onLine: (line) => this.#onLine(line),
      onClosed: () => this.#end.abort(),
    });
    const print = (...lines: readonly string[]): void => this.#prompt.print(...lines);
    const columns = (): number => this.#prompt.columns;
    this.#lookout = new Lookout({ cluster, palette, signal, columns, print });
    this.#nodes = new NodeCommands({ cluster, palette, signal, columns, print, lookout: this.#lookout });
    this.#updates = new TypedUpdates({
      client: cluster.client(),
      signal,
      onOrdered: (text, update) => this.#onOrdered(text, update),
      onSlow: (text) => this.#inBackground(this.#onSlow(text)),
    });
  }

  async run(): Promise<void> {
    const { signal: outer } = this.#options;
    const close = (): void => this.#prompt.close();
    outer.addEventListener("abort", close);
    const ended = new Promise<void>((resolve) => this.#end.signal.addEventListener("abort", () => resolve()));
    this.#prompt.print(...this.#introduction());
    this.#inBackground(this.#watch());
    if (outer.aborted) close();
    await ended;
    outer.removeEventListener("abort", close);
    await Promise.all(this.#background);
    const { pending } = this.#updates;
    if (pending > 0) this.#prompt.print(`not ordered yet: ${pending} of the updates that you typed`);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #watch(): Promise<void> {
    await levelWithin(FIRST_ELECTION_MS, this.#options.cluster, this.#end.signal);
    await this.#lookout.look("always");
    await this.#lookout.watch();
  }

  #introduction(): string[] {
    const { palette, cluster } = this.#options;
    return [
      "Each line you type is an update; all three nodes order them alike. Commands:",
      ...COMMANDS.map(([command, meaning]) => `  ${palette.strong(command.padEnd(11))} ${meaning}`),
      palette.faint(`From another terminal: pnpm paxos-client -h ${cluster.hostfile}`),
    ];
  }

  #onLine(line: string): void {
    const command = parseCommand(line, this.#options.cluster.members.length);
    if (command.name === "quit") this.#prompt.close();
    else if (command.name === "update") this.#onUpdate(command.text);
    else {
      this.#commands = this.#commands.then(() => this.#execute(command));
      this.#inBackground(this.#commands);
    }
  }

  async #execute(command: Exclude<Command, { name: "update" | "quit" }>): Promise<void> {
    const { palette } = this.#options;
    try {
      switch (command.name) {
        case "nothing":
          return;
        case "help":
          this.#prompt.print(...this.#introduction());
          return;
        case "mistake":
          throw new DemoError(command.text);
        case "kill":
        case "restart":
        case "status":
        case "log":
          await this.#nodes.execute(command);
      }
    } catch (error) {
      if (!(error instanceof DemoError)) throw error;
      this.#prompt.print(palette.bad(error.message));
    }
  }

  /** Updates and commands do not wait for each other: an update may wait for a node that has yet to be restarted. */
  #onUpdate(text: string): void {
    const { palette } = this.#options;
    if (!this.#updates.add(text)) this.#prompt.print(palette.bad("not sent: too many updates are waiting"));
    this.#inBackground(this.#updates.send());
  }

  async #onOrdered(
    text: string,
    { seq, nodeId, failed, sentAt, acknowledgedAt }: Acknowledged,
  ): Promise<void> {
    const { palette } = this.#options;
    const ms = Math.round(acknowledgedAt - sentAt);
    const others = [...new Set(failed)].filter((other) => other !== nodeId);
    const failures = others.length === 0 ? "" : ` (node ${others.join(" and ")} failed)`;
    this.#prompt.print(
      `${palette.good(`seq ${seq}`)}: ${quote(text)} through node ${nodeId} in ${ms} ms${failures}`,
    );
    if (looksLikeCommand(text)) {
      this.#prompt.print(`  that was an update like any other; commands begin with a colon: :${text.trim()}`);
    }
    // Of many lines at once, the table is shown after the last one.
    if (this.#updates.pending > 0) return;
    await this.#settle(seq);
    await this.#lookout.look("when it is news");
  }

  /** Waits a moment until all nodes that are up have ordered up to `seq`. */
  async #settle(seq: number): Promise<void> {
    const { cluster } = this.#options;
    const { signal } = this.#end;
    const settled = async (): Promise<boolean> => {
      const statuses = await allStatuses(cluster, signal);
      return statuses.every((status) => status === undefined || Number(status.appliedSeq) >= seq);
    };
    try {
      await until("all nodes have ordered it", settled, { ms: SETTLE_MS, signal });
    } catch (error) {
      if (!(error instanceof DemoError)) throw error;
    }
  }

  async #onSlow(text: string): Promise<void> {
    const { cluster } = this.#options;
    const statuses = await allStatuses(cluster, this.#end.signal);
    const up = cluster.members.filter(({ pid }) => pid !== undefined).length;
    const majority = Math.floor(statuses.length / 2) + 1;
    const why =
      up < majority
        ? `${up} of ${statuses.length} nodes up, and it takes ${majority}`
        : "it is not ordered yet";
    this.#prompt.print(`${quote(text)} waits: ${why}`);
  }

  /** What goes wrong ends the session; that the session was ended is nothing wrong. */
  #inBackground(work: Promise<unknown>): void {
    const guarded: Promise<void> = this.#guard(work).finally(() => this.#background.delete(guarded));
    this.#background.add(guarded);
  }

  async #guard(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (this.#end.signal.aborted) return;
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#prompt.close();
    }
  }
}

function quote(text: string): string {
  return `"${truncate(escapeControls(text), QUOTE_WIDTH)}"`;
}
