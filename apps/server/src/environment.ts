// What the program touches of the world, so that tests can stand in for it.
import type { Writable } from "node:stream";

import type { ClientListener, ClientTransport, Logger, Storage, Transport } from "@paxos/core";
import type { HostProbe } from "@paxos/hostfile";
import type { Replica, ReplicaOptions } from "@paxos/replica";

import type { FirstContent, StorageReport } from "@paxos/storage-level";

import type { UserEnvironment } from "./data-directory.js";
import type { TransportName } from "./flag-options.js";

export interface Environment extends UserEnvironment {
  readonly probe: HostProbe;
  /** Aborted, with the signal's name as its reason, when the server is to end. */
  readonly interrupt: AbortController;
  now(): Date;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** For what is not text. */
  readonly stdout: Writable;
  /** The next line that somebody types; undefined at the end of the input, or when the program is to end. */
  readLine(): Promise<string | undefined>;
  writeOutput(text: string): void;
  writeLog(text: string): void;
  createStorage(directory: string | undefined): Storage;
  /** Makes a directory with a store that begins with a snapshot, or nothing. */
  createStore(options: { readonly directory: string } & FirstContent): Promise<unknown>;
  /** Reads all that a directory holds. */
  inspectStorage(place: { readonly directory: string }): Promise<StorageReport>;
  createTransport(name: TransportName, logger: Logger): Transport & ClientListener;
  createClientTransport(name: TransportName): ClientTransport;
  /** Loads a JavaScript module by its full path. Rejects with whatever loading it throws. */
  loadModule(path: string): Promise<unknown>;
  startReplica(options: ReplicaOptions): Promise<RunningReplica>;
  /** Whether the disk takes what is written into the directory. */
  takesWrites(directory: string): Promise<boolean>;
  /** Ends the process now: unlike an exit, that does not wait for what the disk does not answer. */
  endAtOnce(): void;
}

/** What the server needs of a replica. */
export type RunningReplica = Pick<
  Replica,
  "peerReached" | "removed" | "stopped" | "storageFailed" | "address" | "transferLeadership" | "close"
>;
