// What stands beside it: etcd, three members on loopback with their defaults, and its load, a program in Go.
import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { rmSync } from "node:fs";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { atExit } from "../clean-up.js";
import { MissingProgram } from "../missing-program.js";
import { processorTimeOf } from "../processor-time.js";
import { until } from "../until.js";
import type { Measurement } from "./measurement.js";

const run = promisify(execFile);
const members = 3;

export class Etcd {
  readonly #calledOff: () => void;

  private constructor(
    private readonly directory: string,
    private readonly children: readonly ChildProcess[],
    private readonly addresses: readonly string[],
    private readonly load: string,
  ) {
    this.#calledOff = atExit(() => {
      for (const child of children) child.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    });
  }

  /** Starts the members and builds the load. Throws a {@link MissingProgram}. */
  static async start(): Promise<Etcd> {
    mustBeInstalled("etcd", "etcd is not installed; on Debian: apt-get install etcd-server");
    mustBeInstalled(
      "go",
      "Go is not installed, in which etcd's load is written; see https://go.dev/dl/, 1.22 or later",
      "version",
    );
    const directory = await mkdtemp(join(tmpdir(), "paxos-bench-etcd-"));
    const load = join(directory, "etcd-load");
    await run("go", ["build", "-o", load, "."], {
      cwd: fileURLToPath(new URL("../../etcd-load", import.meta.url)),
    });
    const ports = await freePorts(2 * members);
    const client = (id: number) => `127.0.0.1:${ports[id]}`;
    const peer = (id: number) => `http://127.0.0.1:${ports[members + id]}`;
    const ids = Array.from({ length: members }, (_, id) => id);
    const children = ids.map((id) =>
      spawn(
        "etcd",
        Object.entries({
          name: `n${id}`,
          "data-dir": join(directory, `n${id}`),
          "log-level": "error",
          "listen-client-urls": `http://${client(id)}`,
          "advertise-client-urls": `http://${client(id)}`,
          "listen-peer-urls": peer(id),
          "initial-advertise-peer-urls": peer(id),
          "initial-cluster": ids.map((other) => `n${other}=${peer(other)}`).join(","),
        }).map(([flag, value]) => `--${flag}=${value}`),
        { stdio: "ignore" },
      ),
    );
    const etcd = new Etcd(directory, children, ids.map(client), load);
    try {
      await until("etcd answers", { withinMs: 30_000, everyMs: 200 }, async () => {
        const tried = etcd.measure({
          inFlight: 1,
          seconds: 0.2,
          warmUpSeconds: 0,
          updateBytes: 1,
          perSecond: undefined,
        });
        return await tried.then(
          () => true,
          () => false,
        );
      });
    } catch (error) {
      await etcd.stop();
      throw error;
    }
    return etcd;
  }

  async measure(how: {
    readonly inFlight: number;
    readonly seconds: number;
    readonly warmUpSeconds: number;
    readonly updateBytes: number;
    /** Undefined: as many as go. */
    readonly perSecond: number | undefined;
  }): Promise<Measurement> {
    const args = {
      targets: this.addresses.join(","),
      clients: how.inFlight,
      seconds: how.seconds,
      "warm-up": how.warmUpSeconds,
      size: how.updateBytes,
      rate: how.perSecond ?? 0,
    };
    const before = this.#processorTime();
    const flags = Object.entries(args).map(([name, value]) => `-${name}=${value}`);
    const { stdout } = await run(this.load, flags);
    const spent = this.#processorTime() - before;
    const { processor, ...measured } = JSON.parse(stdout) as Omit<
      Measurement,
      "loadMicros" | "serverMicros"
    > & {
      processor: number;
    };
    const measuredUpdates = measured.perSecond * how.seconds;
    // The servers' time is that of the warm-up, too.
    const share = how.seconds / (how.seconds + how.warmUpSeconds);
    return {
      ...measured,
      loadMicros: (processor * 1e6) / measuredUpdates,
      serverMicros: (spent * share * 1e6) / measuredUpdates,
      lag: Number.NaN,
    };
  }

  #processorTime(): number {
    return this.children.reduce((sum, { pid }) => sum + processorTimeOf(pid), 0);
  }

  async stop(): Promise<void> {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    await rm(this.directory, { recursive: true, force: true });
    this.#calledOff();
  }
}

function mustBeInstalled(program: string, advice: string, ask = "--version"): void {
  if (spawnSync(program, [ask], { stdio: "ignore" }).error !== undefined) throw new MissingProgram(advice);
}
