// Servers of two builds that are one cluster, and what its operators do with it.
import { openSync, closeSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "./failure.mjs";
import { Program } from "./processes.mjs";
import { StatusWatch } from "./status-watch.mjs";

/** @typedef {import("./build.mjs").Build} Build */

/** How long anything may take that is waited for. */
const WAIT_MS = 30_000;

/** How many nodes found the cluster. */
const FOUNDERS = 3;

export class Cluster {
  /** The server of each node that runs, and its build. @type {Map<number, { program: Program, build: Build }>} */
  servers = new Map();

  /**
   * @param {string} folder for its files
   * @param {string} transport
   * @param {readonly number[]} ports the founders' first
   * @param {Build} judge the build whose client tells how the cluster stands
   */
  constructor(folder, transport, ports, judge) {
    this.folder = folder;
    this.transport = transport;
    this.addresses = ports.map((port) => `127.0.0.1:${port}`);
    this.judge = judge;
    this.hostfile = join(folder, "hostfile");
    writeFileSync(
      this.hostfile,
      this.addresses
        .slice(0, FOUNDERS)
        .map((address) => `${address}\n`)
        .join(""),
    );
  }

  /** What every client needs. */
  get clientArgs() {
    return ["--hostfile", this.hostfile, "--transport", this.transport];
  }

  /** Starts to watch how the nodes stand. */
  watch() {
    this.status = new StatusWatch(this.judge, this.clientArgs);
  }

  /**
   * Starts a node's server on its data directory.
   *
   * @param {Build} build
   * @param {number} id
   * @param {{ joins?: number }} [options] the node that tells it of the cluster, if it did not found it
   */
  start(build, id, { joins } = {}) {
    const log = openSync(this.#logFile(id), "a");
    const about = joins === undefined ? [] : ["--join", this.#address(joins)];
    const program = new Program(
      `node ${id}, of ${build.name}`,
      build.server,
      ["--id", String(id), "--data-dir", join(this.folder, `data-${id}`), ...this.clientArgs, ...about],
      { log },
    );
    closeSync(log);
    this.servers.set(id, { program, build });
  }

  /**
   * Ends a node's server as an operator does.
   *
   * @param {number} id
   */
  async stop(id) {
    await this.#server(id).program.endsWell("SIGTERM");
    this.servers.delete(id);
  }

  /**
   * Waits for the end of a server that was removed from the cluster.
   *
   * @param {number} id
   */
  async leaves(id) {
    await this.#server(id).program.endsWell();
    this.servers.delete(id);
  }

  /**
   * Runs a command of paxos-client once. It must succeed.
   *
   * @param {Build} build
   * @param {...string} args
   */
  async client(build, ...args) {
    const program = new Program(`${build.name}'s paxos-client ${args.join(" ")}`, build.client, [
      ...args,
      ...this.clientArgs,
    ]);
    program.child.stdin?.end();
    await program.endsWell(undefined, WAIT_MS);
    return program.stdout;
  }

  /**
   * Waits until all nodes whose servers run are up and level, nothing is wrong, and this one leads if one is given.
   *
   * @param {number} [leader]
   */
  async isWell(leader) {
    const status = this.status;
    if (status === undefined) throw new Error("nobody watches the cluster");
    const fresh = status.fresh();
    await this.waitFor(
      `all ${this.servers.size} nodes well${leader === undefined ? "" : `, led by node ${leader}`}`,
      () => {
        const standings = fresh();
        return (
          standings.length === this.servers.size &&
          standings.every(({ problems }) => problems.length === 0) &&
          standings.every((standing) => standing.leader === (leader ?? standings[0]?.leader))
        );
      },
      () => status.latest,
    );
  }

  /**
   * Waits for a condition. No server may end meanwhile.
   *
   * @param {string} what
   * @param {() => boolean} condition
   * @param {() => unknown} seen told if it does not come true
   */
  async waitFor(what, condition, seen) {
    const until = performance.now() + WAIT_MS;
    while (!condition()) {
      for (const [id, { program }] of this.servers)
        if (!program.running) throw new Failure(`${program.name} runs`, `${program.end}\n${this.log(id)}`);
      if (performance.now() > until) throw new Failure(`${what} within ${WAIT_MS / 1000} s`, seen());
      await sleep(20);
    }
  }

  /**
   * The log of a node, as its server tells it.
   *
   * @param {number} id
   * @returns {Promise<import("./verdict.mjs").HeldLog>}
   */
  async held(id) {
    const everybody = join(this.folder, "everybody");
    writeFileSync(everybody, this.addresses.map((address) => `${address}\n`).join(""));
    const args = [
      "log",
      "--json",
      "--server",
      String(id),
      "--hostfile",
      everybody,
      "--transport",
      this.transport,
    ];
    const program = new Program(`the log of node ${id}`, this.judge.client, args);
    program.child.stdin?.end();
    await program.endsWell(undefined, WAIT_MS);
    const lines = program.stdout.split("\n").filter((line) => line !== "");
    const entries = lines.map((line) => /** @type {import("./verdict.mjs").LogEntry} */ (JSON.parse(line)));
    return { node: id, from: 1, entries };
  }

  /**
   * What a node's servers have said so far.
   *
   * @param {number} id
   */
  log(id) {
    return readFileSync(this.#logFile(id), "utf8");
  }

  /** Those that have ever been started. */
  get everStarted() {
    return this.addresses.map((_, id) => id);
  }

  #logFile(/** @type {number} */ id) {
    return join(this.folder, `node-${id}.log`);
  }

  #address(/** @type {number} */ id) {
    return this.addresses[id] ?? "";
  }

  #server(/** @type {number} */ id) {
    const server = this.servers.get(id);
    if (server === undefined) throw new Error(`node ${id} does not run`);
    return server;
  }
}
