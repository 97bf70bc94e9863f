// How the servers stand, again and again, as the current build's `paxos-client status` tells.
import { Program } from "./processes.mjs";

/**
 * What matters here of one server's status.
 *
 * @typedef {{ leader?: number | null, aru?: number, problems: readonly string[] }} Standing
 */

export class StatusWatch {
  /** How many reports have come, and the last one. */
  reports = 0;
  /** @type {readonly Standing[]} */
  latest = [];

  /**
   * @param {import("./build.mjs").Build} build
   * @param {readonly string[]} args hostfile and transport
   */
  constructor(build, args) {
    this.program = new Program(
      "paxos-client status",
      build.client,
      ["status", "--watch", "0.1", "--json", ...args],
      {
        onLine: (line) => {
          this.reports++;
          this.latest = /** @type {Standing[]} */ (JSON.parse(line));
        },
      },
    );
  }

  /** A reader that gives nothing before there is a report that was begun after now. */
  fresh() {
    const from = this.reports + 1;
    return () => (this.reports > from ? this.latest : []);
  }
}
