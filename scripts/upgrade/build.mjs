// The programs of one build.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { commandsIn, flagsIn } from "./help.mjs";

export class Build {
  /**
   * @param {string} name
   * @param {string} folder of the repository that it was made in
   */
  constructor(name, folder) {
    this.name = name;
    this.server = join(folder, "apps", "server", "bin", "paxos-server.js");
    this.client = join(folder, "apps", "client", "bin", "paxos-client.js");
  }

  /**
   * What the programs lack of what is asked of them here, in words.
   *
   * @returns {string[]}
   */
  get lacks() {
    const client = helpOf(this.client);
    const commands = commandsIn(client, "paxos-client");
    const has = (/** @type {string} */ flag, /** @type {string} */ help) => flagsIn(help).has(flag);
    return [
      ...["member", "transfer"]
        .filter((command) => !commands.has(command))
        .map((command) => `paxos-client ${command}`),
      ...(has("--in-flight", client) ? [] : ["paxos-client --in-flight"]),
      ...(has("--join", helpOf(this.server)) ? [] : ["paxos-server --join"]),
    ];
  }
}

/** @param {string} program */
function helpOf(program) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "--help"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} --help: status ${status}: ${stderr}`);
  return stdout;
}
