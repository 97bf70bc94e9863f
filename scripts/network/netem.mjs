// Hosts on a bridge, their links delayed and lossy by the kernel's network emulator (tc-netem(8)).
import { addressOf, delayMs, lossPercent } from "./conditions.mjs";
import { addNamespace, namespaceOf } from "./namespaces.mjs";
import { run, succeeds } from "./run.mjs";

/** More than are ever under way; the default of 1,000 would lose more than it is told to. */
const limit = ["limit", "100000"];

const usual = ["delay", `${delayMs}ms`, "loss", `${lossPercent}%`];

/** Whether this kernel has it. */
export function netemWorks() {
  const namespace = namespaceOf("probe");
  addNamespace(namespace);
  const works = succeeds("tc", "-n", namespace, "qdisc", "add", "dev", "lo", "root", "netem", ...usual);
  run("ip", "netns", "delete", namespace);
  return works;
}

/**
 * Connects the namespaces of all hosts.
 *
 * @param {readonly string[]} hosts their namespaces
 * @returns {import("./lan.mjs").Lan}
 */
export function bridgedLan(hosts) {
  const lan = namespaceOf("lan");
  addNamespace(lan);
  run("ip", "-n", lan, "link", "add", "bridge", "type", "bridge");
  run("ip", "-n", lan, "link", "set", "bridge", "up");
  for (const [i, host] of hosts.entries()) {
    const port = `port${i}`;
    run("ip", "-n", lan, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host);
    // Packets of the size that travels on a real cable: what is lost is one of these.
    run("ip", "-n", lan, "link", "set", port, "gso_max_segs", "1");
    run("ip", "-n", host, "link", "set", "eth0", "gso_max_segs", "1");
    run("ip", "-n", lan, "link", "set", port, "master", "bridge", "up");
    run("ip", "-n", host, "address", "add", `${addressOf(i)}/24`, "dev", "eth0");
    run("ip", "-n", host, "link", "set", "eth0", "up");
    for (const [program = "", ...args] of netemCommands(lan, i, host, [])) run(program, ...args);
  }
  return {
    description: "a bridge, and netem on every link",
    losing: (i, directions) => netemCommands(lan, i, hosts[i] ?? "", directions),
  };
}

/**
 * The commands that lose all packets in these directions, and treat the others as usual.
 *
 * @param {string} lan @param {number} i @param {string} host
 * @param {readonly import("./lan.mjs").Direction[]} directions
 */
export function netemCommands(lan, i, host, directions) {
  const replace = ["qdisc", "replace", "dev"];
  const netem = ["root", "netem", ...limit];
  const all = ["loss", "100%"];
  const [outgoing, incoming] = [directions.includes("outgoing"), directions.includes("incoming")];
  return [
    ["tc", "-n", host, ...replace, "eth0", ...netem, ...(outgoing ? all : usual)],
    ["tc", "-n", lan, ...replace, `port${i}`, ...netem, ...(incoming ? all : [])],
  ];
}
