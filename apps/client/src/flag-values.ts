// What the values of flags may be. Each reader throws an Error that says what to give.
import { MAX_PORT, parsePort } from "@paxos/hostfile";

import { MAX_UPDATE_BYTES } from "./lines.js";

/** The most updates that may be under way at once: what a session allows. */
export const MAX_IN_FLIGHT = 1_024;

export const MAX_CLIENTS = 64;

/** The longest time that a timer takes. */
const MAX_SECONDS = 2_147_483;

export function portFlag(text: string): number {
  return parsePort(text) ?? refuse("port", text, `a number from 1 to ${MAX_PORT}`);
}

/** In milliseconds; Infinity for 0. */
export function timeoutFlag(text: string): number {
  const seconds = secondsOf(text, MAX_SECONDS);
  if (seconds === undefined)
    return refuse("timeout", text, `seconds, such as 30 or 0.5, at most ${MAX_SECONDS}; 0 is for ever`);
  return seconds === 0 ? Infinity : Math.ceil(seconds * 1000);
}

/** In milliseconds. */
export function watchFlag(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = text === "" ? 1 : secondsOf(text, 3_600);
  if (seconds === undefined || seconds < 0.1)
    return refuse("watch", text, "seconds from 0.1 to 3600, or nothing for 1");
  return seconds * 1000;
}

/** In milliseconds. */
export function durationFlag(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = secondsOf(text, 86_400);
  if (seconds === undefined || seconds === 0)
    return refuse("duration", text, "seconds, such as 10 or 0.5, at most 86400");
  return seconds * 1000;
}

/** A reader of whole numbers for this flag. */
function countFlag(flag: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,16}$/.test(text) ? Number(text) : -1;
    return count >= low && count <= high ? count : refuse(flag, text, `a number from ${low} to ${high}`);
  };
}

export const inFlightFlag = countFlag("in-flight", 1, MAX_IN_FLIGHT);
export const clientsFlag = countFlag("clients", 1, MAX_CLIENTS);
export const sizeFlag = countFlag("size", 0, MAX_UPDATE_BYTES);

export function updatesFlag(text: string | undefined): number | undefined {
  return text === undefined ? undefined : countFlag("updates", 1, 1e12)(text);
}

export function seqFlag(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seq = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : 0;
  return seq > 0 && Number.isSafeInteger(seq) ? seq : refuse("from", text, "a seq, from 1 on");
}

export function epochFlag(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const epoch = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  return Number.isSafeInteger(epoch) && epoch >= 0 ? epoch : refuse("epoch", text, "an epoch, from 0 on");
}

export function idFlag(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : refuse("server", text, "a server's id, from 0 on");
}

function secondsOf(text: string, most: number): number | undefined {
  const seconds = /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : Infinity;
  return seconds <= most ? seconds : undefined;
}

function refuse(flag: string, text: string, allowed: string): never {
  throw new Error(`bad --${flag} ${JSON.stringify(text)}: give ${allowed}`);
}
