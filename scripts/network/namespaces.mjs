// Network namespaces, which stand for hosts. All are named after the process that made them.
import { existsSync } from "node:fs";
import { run, succeeds } from "./run.mjs";

const prefix = "paxos-test-";

/** @param {string} name */
export function namespaceOf(name) {
  return `${prefix}${process.pid}-${name}`;
}

/** What runs a program in a namespace: comes before the program, which takes its place. @param {string} namespace */
export function inside(namespace) {
  return ["ip", "netns", "exec", namespace];
}

/**
 * Makes a namespace that has a loopback interface and no other.
 *
 * @param {string} namespace
 */
export function addNamespace(namespace) {
  run("ip", "netns", "add", namespace);
  run("ip", "-n", namespace, "link", "set", "lo", "up");
}

/** Removes the namespaces of this process, and ends what still runs in them. */
export function removeOwn() {
  remove((pid) => pid === process.pid);
}

/** Removes what processes have left behind that were killed before they could do so. */
export function removeAbandoned() {
  remove((pid) => !Number.isNaN(pid) && !existsSync(`/proc/${pid}`));
}

/** @param {(pid: number) => boolean} madeBy */
function remove(madeBy) {
  const namespaces = run("ip", "netns", "list")
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter((name) => madeBy(Number(/^paxos-test-(\d+)-/.exec(name)?.[1])));
  for (const namespace of namespaces) {
    for (const pid of run("ip", "netns", "pids", namespace).split("\n").filter(Boolean)) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  }
  // Their interfaces go with them.
  for (const namespace of namespaces) succeeds("ip", "netns", "delete", namespace);
}
