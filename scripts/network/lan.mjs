// A network of hosts of its own, none of which is connected with the machine's own interfaces.
import { addressOf, delayMs, hostNames } from "./conditions.mjs";
import { addNamespace, inside, namespaceOf } from "./namespaces.mjs";
import { bridgedLan, netemWorks } from "./netem.mjs";
import { tappedLan, tapWorks } from "./tap.mjs";
import { succeeds } from "./run.mjs";

/** @typedef {"outgoing" | "incoming"} Direction as seen by a host */

/**
 * What connects the hosts.
 *
 * @typedef {object} Lan
 * @property {string} description
 * @property {(host: number, directions: readonly Direction[]) => string[][]} losing the commands that have a host's
 * cable lose everything in these directions, and only now and then something in the others
 */

/**
 * Connects hosts, given their namespaces; may keep files in the directory.
 *
 * @typedef {(hosts: readonly string[], directory: string) => Lan | Promise<Lan>} Connect
 */

/**
 * How the hosts can be connected here, or why they cannot.
 *
 * @returns {{ connect: Connect } | { obstacle: string }}
 */
export function findLan() {
  if (process.platform !== "linux") return { obstacle: "it needs network namespaces, which only Linux has" };
  if (process.getuid?.() !== 0)
    return { obstacle: "only root may make network namespaces: run it with sudo" };
  if (!succeeds("ip", "-V")) return { obstacle: "there is no ip program: install iproute2" };
  const probe = namespaceOf("allowed");
  try {
    addNamespace(probe);
  } catch (error) {
    const { stderr } = /** @type {{ stderr?: string }} */ (error);
    return { obstacle: `network namespaces are not allowed here: ${stderr?.trim() ?? String(error)}` };
  } finally {
    succeeds("ip", "netns", "delete", probe);
  }
  if (netemWorks()) return { connect: bridgedLan };
  if (tapWorks()) return { connect: tappedLan };
  return {
    obstacle:
      "nothing delays and loses packets here: install tc and the kernel module sch_netem, or allow /dev/net/tun and " +
      "install python3",
  };
}

/**
 * Makes the hosts, connects them, and describes them as apps/server/test/hosts.ts wants it.
 *
 * @param {Connect} connect
 * @param {string} directory
 */
export async function makeHosts(connect, directory) {
  const namespaces = hostNames.map(namespaceOf);
  namespaces.forEach(addNamespace);
  const { description, losing } = await connect(namespaces, directory);
  const hosts = namespaces.map((namespace, i) => {
    const link = ["ip", "-n", namespace, "link", "set", "eth0"];
    return {
      address: addressOf(i),
      run: inside(namespace),
      cable: {
        unplugged: [[...link, "down"]],
        "both ways": losing(i, ["outgoing", "incoming"]),
        outgoing: losing(i, ["outgoing"]),
        incoming: losing(i, ["incoming"]),
        mended: [[...link, "up"], ...losing(i, [])],
      },
    };
  });
  return { description, network: { hosts: hosts.slice(0, -1), own: hosts.at(-1), roundTripMs: 2 * delayMs } };
}
