// What flags and the file of known seeds may say. All throw a UsageError that says what is allowed.
import { type ProfileName, profileNames } from "@paxos/simulator";

import { UsageError } from "./usage-error.js";

const MAX_NODES = 9;
const MAX_JOBS = 256;

export function parseProfile(name: string, text: string): ProfileName {
  const profile = profileNames.find((known) => known === text);
  return profile ?? refuse(name, text, `one of ${profileNames.join(", ")}`);
}

export function parseSeed(name: string, text: string): number {
  return whole(name, text, 0, Number.MAX_SAFE_INTEGER);
}

export function parseRuns(name: string, text: string): number {
  return whole(name, text, 1, Number.MAX_SAFE_INTEGER);
}

export function parseNodes(name: string, text: string): number {
  return whole(name, text, 1, MAX_NODES);
}

export function parseJobs(name: string, text: string): number {
  return whole(name, text, 1, MAX_JOBS);
}

export function parseMilliseconds(name: string, text: string): number {
  return whole(name, text, 0, Number.MAX_SAFE_INTEGER);
}

/** Fault numbers, ascending. */
export function parseFaults(name: string, text: string): readonly number[] {
  if (text === "none") return [];
  if (!/^\d{1,9}(,\d{1,9})*$/.test(text)) {
    refuse(name, text, "fault numbers such as 3,17,20, as the transcript has them, or none");
  }
  return [...new Set(text.split(",").map(Number))].toSorted((a, b) => a - b);
}

export function parseMinutes(name: string, text: string): number {
  return amount(name, text, "minutes");
}

export function parseSeconds(name: string, text: string): number {
  return amount(name, text, "seconds");
}

function amount(name: string, text: string, unit: string): number {
  // A timer takes no more than 2^31 ms.
  const value = /^\d{1,5}(\.\d{1,9})?$/.test(text) ? Number(text) : 0;
  return value > 0 && value <= 30_000
    ? value
    : refuse(name, text, `${unit} from above 0 to 30000, such as 5 or 0.5`);
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} on` : `${least} to ${most}`;
  return refuse(name, text, `a whole number from ${range}`);
}

function refuse(name: string, text: string, allowed: string): never {
  throw new UsageError(`bad ${name} ${JSON.stringify(text)}: give ${allowed}`);
}
