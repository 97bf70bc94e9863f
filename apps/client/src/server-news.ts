// What the client library has to say about servers, told to the person once.
import type { ServerStatus } from "@paxos/client";
import type { Logger } from "@paxos/core";

import type { Output } from "./output.js";
import { type ServerNames, whyNot } from "./server-names.js";

/** Writes the library's lines to standard error. */
export class ServerNews implements Logger {
  /** Lines that wait for the first status of all servers, which may say the same. */
  #held: string[] | undefined;
  /** Servers that are known not to answer. */
  readonly #silent = new Set<string>();

  constructor(
    private readonly output: Output,
    private readonly servers: ServerNames,
    readonly verbose: boolean,
  ) {}

  /** Keeps lines back until {@link announce}. */
  hold(): void {
    this.#held ??= [];
  }

  /** Says which servers were reached within so long. What was kept back follows, as far as it is news. */
  announce(statuses: readonly ServerStatus[], withinMs: number): void {
    const reached: string[] = [];
    const missed: string[] = [];
    for (const one of statuses) {
      const server = this.servers.describe(one.address);
      if ("status" in one) {
        reached.push(server);
        continue;
      }
      missed.push(`${server}: ${whyNot(one.error, withinMs)}`);
      this.#silent.add(one.address);
    }
    const first = reached.length === 0 ? "reached no server" : `reached ${reached.join(", ")}`;
    this.output.note(missed.length === 0 ? first : `${first}; not reached: ${missed.join(", ")}`);
    this.release();
  }

  /** Lets out what was kept back, without an announcement. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) this.info(line);
  }

  debug(line: string): void {
    if (this.verbose) this.output.note(this.servers.clarify(line));
  }

  info(line: string): void {
    if (this.#held !== undefined) this.#held.push(line);
    else if (this.#isNews(line)) this.output.note(this.servers.clarify(line));
  }

  warn(line: string): void {
    this.output.note(this.servers.clarify(line));
  }

  error(line: string): void {
    this.warn(line);
  }

  #isNews(line: string): boolean {
    const [, address, what] = /^server (\S+): (.*)$/.exec(line) ?? [];
    if (address === undefined) return true;
    if (what === "answers again") {
      this.#silent.delete(address);
      return true;
    }
    const isNews = !this.#silent.has(address);
    this.#silent.add(address);
    return isNews;
  }
}
