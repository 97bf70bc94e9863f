// What the values of flags may be. Each reader throws an Error that says what to give.
import { MAX_PORT, parsePort } from "@paxos/hostfile";

/** The longest time that a timer takes. */
const MAX_SECONDS = 2_147_483;

export function portFlag(text: string): number {
  return parsePort(text) ?? refuse("port", text, `a number from 1 to ${MAX_PORT}`);
}

export function idFlag(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : refuse("id", text, "a member's id, from 0 on");
}

/** A reader of paths, as they stand. */
export function pathFlag(flag: string, what: string): (text: string | undefined) => string | undefined {
  return (text) => (text === "" ? refuse(flag, text, what) : text);
}

/** A reader of addresses: host:port, IPv6 in brackets. */
export function addressFlag(flag: string): (text: string | undefined) => string | undefined {
  return (text) => {
    if (text === undefined) return undefined;
    const [, port] = /^(?:\[[^\]\s]+\]|[^:\s]+):(\d+)$/.exec(text) ?? [];
    return port !== undefined && parsePort(port) !== undefined
      ? text
      : refuse(flag, text, "host:port, such as 127.0.0.1:2346 or [::1]:2346");
  };
}

/** A reader of seconds, which gives milliseconds. */
export function secondsFlag(flag: string, example: number): (text: string) => number {
  return (text) => {
    const seconds = /^\d{1,7}(\.\d+)?$/.test(text) ? Number(text) : Infinity;
    return seconds <= MAX_SECONDS
      ? Math.ceil(seconds * 1000)
      : refuse(flag, text, `seconds, such as ${example} or 0.5, at most ${MAX_SECONDS}`);
  };
}

/** A reader of numbers of updates. */
export function updatesFlag(flag: string, least: number): (text: string | undefined) => number | undefined {
  return (text) => {
    if (text === undefined) return undefined;
    const updates = /^\d{1,15}$/.test(text) ? Number(text) : -1;
    return updates >= least ? updates : refuse(flag, text, `a number of updates, from ${least} on`);
  };
}

const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A reader of sizes, which gives bytes. */
export function sizeFlag(flag: string, least: number): (text: string | undefined) => number | undefined {
  return (text) => {
    if (text === undefined) return undefined;
    const [, digits, unit = ""] = /^(\d{1,15})(|KiB|MiB|GiB)$/.exec(text) ?? [];
    const bytes = digits === undefined ? -1 : Number(digits) * (UNITS[unit] ?? Number.NaN);
    return bytes >= least && Number.isSafeInteger(bytes)
      ? bytes
      : refuse(flag, text, `a size from ${least} on, in bytes or with a unit: 65536, 512KiB, 64MiB, 1GiB`);
  };
}

function refuse(flag: string, text: string, allowed: string): never {
  throw new Error(`bad --${flag} ${JSON.stringify(text)}: give ${allowed}`);
}
