// Where the tests' processes run: all on loopback, or each node on a host of its own, in a network that
// scripts/test-network.mjs has made and describes in PAXOS_TEST_HOSTS. The tests, and their clients, are then on one more.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Ways to cut a cable: by pulling it out, which the host sees, or by losing what goes through it, which nobody sees. */
export type Cut = "unplugged" | "both ways" | "outgoing" | "incoming";

/** A program and its arguments. */
type Command = readonly string[];

export interface Host {
  readonly address: string;
  /** What runs a program there: comes before the program. */
  readonly run: Command;
  /** What does this to its cable. */
  readonly cable: Readonly<Record<Cut | "mended", readonly Command[]>>;
}

export interface Network {
  readonly hosts: readonly Host[];
  /** Where the tests themselves run. */
  readonly own: Host;
  /** By how much deadlines that suit loopback are too short here. */
  readonly slowness: number;
  /** The time from a host to another and back, when nothing is lost. */
  readonly roundTripMs: number;
}

const description = process.env["PAXOS_TEST_HOSTS"];

/** Undefined: everything is on loopback. */
export const network = description === undefined ? undefined : (JSON.parse(description) as Network);

/** The address of the host of a node. */
export function addressOf(nodeId: number): string {
  return network === undefined ? "127.0.0.1" : hostOf(nodeId).address;
}

/** What comes before a program that is to run on the host of a node. */
export function runOn(nodeId: number): Command {
  return network === undefined ? [] : hostOf(nodeId).run;
}

/** A deadline, in whatever unit, that suits loopback, as it suits the network that the tests run on. */
export function patient(time: number): number {
  return time * (network?.slowness ?? 1);
}

/** The host of a node of the network; there must be one. */
export function hostOf(nodeId: number): Host {
  const host = network?.hosts[nodeId];
  if (host === undefined) throw new Error(`there is no host for node ${nodeId}`);
  return host;
}

export async function cut(host: Host, how: Cut): Promise<void> {
  await execute(host.cable[how]);
}

export async function mend(host: Host): Promise<void> {
  await execute(host.cable.mended);
}

async function execute(commands: readonly Command[]): Promise<void> {
  for (const [program = "", ...args] of commands) await promisify(execFile)(program, args);
}
