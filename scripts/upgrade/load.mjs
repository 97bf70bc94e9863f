// Updates that are sent all the time by a client program of some build, and what it was told of each.
import { Program } from "./processes.mjs";

/** So many are under way at once. */
const IN_FLIGHT = 16;

/** Updates are sent in portions, one each so often: 100 updates a second. */
const PORTION = 2;
const PORTION_MS = 20;

/** No more than this wait while nothing is ordered. */
const MOST_WAITING = 200;

export class Load {
  /** @type {import("./verdict.mjs").Acknowledgement[]} */
  acknowledged = [];
  sent = 0;

  /**
   * @param {import("./build.mjs").Build} build
   * @param {string} name what its updates' texts begin with
   * @param {readonly string[]} args hostfile and transport
   */
  constructor(build, name, args) {
    this.name = name;
    this.client = new Program(
      `the ${build.name}'s client`,
      build.client,
      ["--json", "--timeout", "0", "--in-flight", String(IN_FLIGHT), ...args],
      { onLine: (line) => this.#acknowledge(line) },
    );
  }

  /** Begins to send, until it is told to finish. */
  start() {
    this.timer = setInterval(() => {
      if (this.sent - this.acknowledged.length < MOST_WAITING) this.send(PORTION);
    }, PORTION_MS);
    // It keeps nobody from ending.
    this.timer.unref();
  }

  /** @param {number} count */
  send(count) {
    let text = "";
    for (let i = 0; i < count; i++) text += `${this.name}-${this.sent++}\n`;
    this.client.child.stdin?.write(text);
  }

  /** A condition: updates that are sent from now on are acknowledged, more than can be under way. */
  get goesOn() {
    const from = this.sent + IN_FLIGHT;
    return () => this.acknowledged.length > from;
  }

  /** Sends no more, and waits until all that were sent are acknowledged. */
  async finish() {
    clearInterval(this.timer);
    this.client.child.stdin?.end();
    await this.client.endsWell(undefined, 60_000);
  }

  /** @param {string} line */
  #acknowledge(line) {
    const { update, seq } = /** @type {{ update: string, seq: number }} */ (JSON.parse(line));
    this.acknowledged.push({ update, seq });
  }
}
