// Hosts on TAP devices that a program of ours connects, which delays and loses what they send (wire.py).
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addressOf, delayMs, lossPercent } from "./conditions.mjs";
import { addNamespace, inside, namespaceOf } from "./namespaces.mjs";
import { run, succeeds } from "./run.mjs";

const wire = fileURLToPath(new URL("wire.py", import.meta.url));
const tell = fileURLToPath(new URL("tell.mjs", import.meta.url));

/** Whether there are TAP devices, and Python to serve them: Node cannot open them. */
export function tapWorks() {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
  } catch {
    return false;
  }
  return succeeds("python3", "--version");
}

/**
 * Connects the namespaces of all hosts.
 *
 * @param {readonly string[]} hosts their namespaces
 * @param {string} directory
 * @returns {Promise<import("./lan.mjs").Lan>}
 */
export async function tappedLan(hosts, directory) {
  const lan = namespaceOf("lan");
  addNamespace(lan);
  const socket = join(directory, "wire");
  const options = [socket, String(delayMs), String(lossPercent / 100), ...hosts.map((_, i) => `tap${i}`)];
  const [program = "", ...args] = [...inside(lan), "python3", wire, ...options];
  // It ends with its namespace, if not before: when its standard input does.
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  // It says when the devices are there.
  await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  if (child.exitCode !== null) throw new Error("the program that connects the hosts has ended");
  for (const [i, host] of hosts.entries()) {
    run("ip", "-n", lan, "link", "set", `tap${i}`, "netns", host, "name", "eth0");
    run("ip", "-n", host, "address", "add", `${addressOf(i)}/24`, "dev", "eth0");
    run("ip", "-n", host, "link", "set", "eth0", "up");
  }
  return {
    description: "TAP devices, served by scripts/network/wire.py, as this kernel has no netem",
    losing: (i, directions) => {
      const outgoing = directions.includes("outgoing") ? 1 : lossPercent / 100;
      const incoming = directions.includes("incoming") ? 1 : 0;
      return [[process.execPath, tell, socket, `${i} outgoing ${outgoing}`, `${i} incoming ${incoming}`]];
    },
  };
}
