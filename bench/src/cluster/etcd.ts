// What stands beside it: etcd, three members on loopback with their defaults, and its load, a program in Go.
import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
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

/** The last line of the load. */
interface LoadLine extends Pick<Measurement, "perSecond" | "p50" | "p99" | "p999"> {
  /** Seconds of processor time. */
  readonly processor: number;
}

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
    const sources = fileURLToPath(new URL("../../etcd-load", import.meta.url));
    try {
      await run("go", ["build", "-o", load, "."], { cwd: sources });
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
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
    const flags = Object.entries(args).map(([name, value]) => `-${name}=${value}`);
    const { said, spent } = await this.#runLoad(flags);
    const { processor, ...measured } = JSON.parse(said) as LoadLine;
    const micros = (seconds: number) => (seconds * 1e6) / (measured.perSecond * how.seconds);
    return { ...measured, loadMicros: micros(processor), serverMicros: micros(spent), lag: Number.NaN };
  }

  /** Resolves with what the load said last, and the members' processor time while it measured. */
  async #runLoad(flags: readonly string[]): Promise<{ said: string; spent: number }> {
    const child = spawn(this.load, flags, { stdio: ["ignore", "pipe", "pipe"] });
    const calledOff = atExit(() => child.kill("SIGKILL"));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    let complaint = "";
    child.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
    let [said, began, spent] = ["", 0, 0];
    for await (const line of createInterface(child.stdout)) {
      said = line;
      if (line === "begin") began = this.#processorTime();
      if (line === "end") spent = this.#processorTime() - began;
    }
    const status = await ended;
    calledOff();
    if (status !== 0) throw new Error(`etcd's load ended with status ${status}: ${complaint.trim()}`);
    return { said, spent };
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
