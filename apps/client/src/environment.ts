// What the program touches of the world, so that tests can stand in for it.
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import type { ClientTransport } from "@paxos/core";

/** Why the program is to end early. */
export type Interruption = "SIGINT" | "SIGTERM" | "stdout closed";

export interface Environment {
  readonly stdin: Readable & MaybeTerminal;
  readonly stdout: Writable & MaybeTerminal;
  readonly stderr: Writable & MaybeTerminal;
  /** Aborted, with an {@link Interruption} as its reason, when the program is to end. */
  readonly interrupt: AbortController;
  /** Makes the transport with the name that was chosen by flag. */
  createTransport(name: TransportName): ClientTransport;
  /** A number from 0 up to, but without, 1. */
  random(): number;
  /** Milliseconds that never run backwards. */
  now(): number;
  /** Waits; ends early, without an error, when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

interface MaybeTerminal {
  readonly isTTY?: boolean;
}

/** The transports that can be chosen. */
export const TRANSPORT_NAMES = ["connect"] as const;
export type TransportName = (typeof TRANSPORT_NAMES)[number];

/** Waits in real time. */
export async function waitInRealTime(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at its signal.
  }
}

/**
 * Calls `work` with a signal that is aborted when the outer one is, or when `ms` have passed. Unlike AbortSignal.any,
 * it leaves nothing behind on an outer signal that lives long.
 */
export async function within<T>(
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  const abort = (): void => inner.abort();
  const timer = setTimeout(abort, ms);
  if (outer.aborted) abort();
  outer.addEventListener("abort", abort);
  try {
    return await work(inner.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", abort);
  }
}
