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
  /** The server of each node that runs. @type {Map<number, Program>} */
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
    this.hostfile = this.#hostfile("hostfile", this.addresses.slice(0, FOUNDERS));
    this.everybody = this.#hostfile("everybody", this.addresses);
  }

  /** What every client needs. */
  get clientArgs() {
    return this.#reach(this.hostfile);
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
    const about = joins === undefined ? [] : ["--join", this.addresses[joins] ?? ""];
    const program = new Program(
      `node ${id}, of ${build.name}`,
      build.server,
      ["--id", String(id), "--data-dir", join(this.folder, `data-${id}`), ...this.clientArgs, ...about],
      { log },
    );
    closeSync(log);
    this.servers.set(id, program);
  }

  /**
   * Ends a node's server as an operator does.
   *
   * @param {number} id
   */
  async stop(id) {
    await this.#server(id).endsWell("SIGTERM");
    this.servers.delete(id);
  }

  /**
   * Waits for the end of a server that was removed from the cluster.
   *
   * @param {number} id
   */
  async leaves(id) {
    await this.#server(id).endsWell();
    this.servers.delete(id);
  }

  /**
   * Runs a command of paxos-client once. It must succeed.
   *
   * @param {Build} build
   * @param {...string} args
   */
  async client(build, ...args) {
    await this.#run(build, [...args, ...this.clientArgs]);
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
   * Waits until all nodes whose servers run know everything up to here as ordered.
   *
   * @param {number} seq
   */
  async isLevel(seq) {
    await this.waitFor(
      `all nodes level up to seq ${seq}`,
      () => {
        const standings = this.status?.latest ?? [];
        return standings.length === this.servers.size && standings.every(({ aru = 0 }) => aru >= seq);
      },
      () => this.status?.latest,
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
      for (const [id, program] of this.servers)
        if (program.end !== undefined)
          throw new Failure(`${program.name} runs`, `${program.end}\n${this.log(id)}`);
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
    const args = ["log", "--json", "--server", String(id), ...this.#reach(this.everybody)];
    const lines = (await this.#run(this.judge, args)).split("\n").filter((line) => line !== "");
    const entries = lines.map((line) => /** @type {import("./verdict.mjs").LogEntry} */ (JSON.parse(line)));
    return { node: id, entries };
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

  /** Writes one. */
  #hostfile(/** @type {string} */ name, /** @type {readonly string[]} */ addresses) {
    const file = join(this.folder, name);
    writeFileSync(file, addresses.map((address) => `${address}\n`).join(""));
    return file;
  }

  #reach(/** @type {string} */ hostfile) {
    return ["--hostfile", hostfile, "--transport", this.transport];
  }

  /** Runs a client to its end, which must be a good one, and returns what it has printed. */
  async #run(/** @type {Build} */ build, /** @type {readonly string[]} */ args) {
    const program = new Program(`${build.name}'s paxos-client ${args.join(" ")}`, build.client, args);
    program.child.stdin?.end();
    await program.endsWell(undefined, WAIT_MS);
    return program.stdout;
  }

  #server(/** @type {number} */ id) {
    const server = this.servers.get(id);
    if (server === undefined) throw new Error(`node ${id} does not run`);
    return server;
  }
}
