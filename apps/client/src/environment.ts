// What the program touches of the world, so that tests can stand in for it.
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import type { ConnectOptions } from "@paxos/client";
import type { ClientTransport } from "@paxos/core";

/** Why the program is to end early. */
export type Interruption = "SIGINT" | "SIGTERM" | "stdout closed";

/** A stream of characters; maybe one that people look at. */
export type TextOutput = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export interface Environment {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** The environment variables. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Where the lines that were typed are kept. */
  readonly historyFile: string;
  /** Aborted, with an {@link Interruption} as its reason, when the program is to end. */
  readonly interrupt: AbortController;
  /** Makes the transport with the name that was chosen by flag. */
  createTransport(name: TransportName): ClientTransport;
  /** Milliseconds that never run backwards. */
  now(): number;
  /** The time of day. */
  date(): Date;
  /** Waits; ends early, without an error, when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Has `callback` called when the process ends without having been asked whether it may. Returns how to undo that. */
  onExit(callback: () => void): () => void;
  /** Time and chance of the clients that are made: the machine's, except in tests. */
  readonly clientEnvironment?: NonNullable<ConnectOptions["environment"]>;
}

/** The transports that can be chosen. */
export const TRANSPORT_NAMES = ["connect", "tcp"] as const;
export type TransportName = (typeof TRANSPORT_NAMES)[number];

/** Waits in real time. */
export async function waitInRealTime(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at its signal.
  }
}
