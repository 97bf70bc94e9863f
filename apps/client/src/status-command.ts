// `paxos-client status`: what each server is doing, and what is wrong with the cluster.
import type { Client } from "@paxos/client";

import type { Context } from "./context.js";
import type { StatusFlags } from "./invocation.js";
import { LiveScreen } from "./live-screen.js";
import { canRedraw, createPalette, wantsColours } from "./palette.js";
import { PROBE_MS, probeAll } from "./probe.js";
import { type ClusterReport, reportOf } from "./status-report.js";
import { statusJson, statusLines } from "./status-table.js";

/** When it is watched, a server has at least this long to answer. */
const MIN_PROBE_MS = 1_000;

/** Asks every server. Resolves with the exit status: 0 when the cluster is ok, else 1. */
export async function statusCommand(context: Context, flags: StatusFlags): Promise<number> {
  const status = new StatusView(context, flags, context.connect());
  return flags.watchMs === undefined ? status.once() : status.watch(flags.watchMs);
}

class StatusView {
  readonly #context: Context;
  readonly #flags: StatusFlags;
  readonly #client: Client;

  constructor(context: Context, flags: StatusFlags, client: Client) {
    this.#context = context;
    this.#flags = flags;
    this.#client = client;
  }

  async once(): Promise<number> {
    const { output, environment } = this.#context;
    const report = await this.#report(PROBE_MS);
    if (environment.interrupt.signal.aborted) return 1;
    const lines = this.#flags.json
      ? report.servers.map((server) => JSON.stringify(statusJson(server, this.#flags.counters)))
      : this.#lines(report, environment.stdout.columns ?? Infinity);
    for (const line of lines) await output.print(line);
    return report.verdict === "ok" ? 0 : 1;
  }

  /** Asks again and again until the program is interrupted. */
  async watch(everyMs: number): Promise<number> {
    const { environment } = this.#context;
    const { signal } = environment.interrupt;
    const { stdout, variables } = environment;
    let latest: ClusterReport | undefined;
    const live = canRedraw(stdout, variables) && !this.#flags.json;
    const screen = live
      ? new LiveScreen(environment, (columns) =>
          latest === undefined ? ["asking the servers..."] : this.#frame(latest, columns, everyMs),
        )
      : undefined;
    try {
      while (!signal.aborted) {
        const next = environment.now() + everyMs;
        const report = await this.#report(Math.min(PROBE_MS, Math.max(MIN_PROBE_MS, everyMs)));
        if (signal.aborted) break;
        latest = report;
        if (screen === undefined) await this.#append(report);
        else screen.draw();
        await environment.wait(Math.max(0, next - environment.now()), signal);
      }
    } finally {
      screen?.close();
    }
    return latest?.verdict === "ok" ? 0 : 1;
  }

  async #report(withinMs: number): Promise<ClusterReport> {
    const { environment, servers } = this.#context;
    return reportOf(servers, await probeAll(this.#client, environment, withinMs), withinMs);
  }

  /** Below what was printed before, where nothing can be drawn over. */
  async #append(report: ClusterReport): Promise<void> {
    const { output, environment } = this.#context;
    const { json, counters } = this.#flags;
    if (json)
      return output.print(JSON.stringify(report.servers.map((server) => statusJson(server, counters))));
    const lines = [environment.date().toISOString(), ...this.#lines(report, Infinity), ""];
    for (const line of lines) await output.print(line);
  }

  #frame(report: ClusterReport, columns: number, everyMs: number): string[] {
    const palette = this.#palette();
    const time = this.#context.environment.date().toTimeString().slice(0, 8);
    const heading = `${time}, every ${everyMs / 1000} s; Ctrl-C ends`.slice(0, columns);
    return [palette.faint(heading), "", ...this.#lines(report, columns)];
  }

  #lines(report: ClusterReport, columns: number): string[] {
    return statusLines(report, { palette: this.#palette(), columns, counters: this.#flags.counters });
  }

  #palette() {
    const { stdout, variables } = this.#context.environment;
    return createPalette(wantsColours(stdout, variables));
  }
}
