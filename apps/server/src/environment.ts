// What the program touches of the world, so that tests can stand in for it.
import type { ClientListener, Logger, StateMachine, Storage, Transport } from "@paxos/core";
import type { HostProbe } from "@paxos/hostfile";
import type { EpochRecord } from "@paxos/proto";

import type { UserEnvironment } from "./data-directory.js";
import type { TransportName } from "./flags.js";

export interface Environment extends UserEnvironment {
  readonly probe: HostProbe;
  /** Aborted, with the signal's name as its reason, when the server is to end. */
  readonly interrupt: AbortController;
  now(): Date;
  writeOutput(text: string): void;
  writeLog(text: string): void;
  createStorage(directory: string | undefined): Storage;
  createTransport(name: TransportName, logger: Logger): Transport & ClientListener;
  startReplica(options: ReplicaOptions): Promise<RunningReplica>;
}

/** What a replica is started with. */
export interface ReplicaOptions {
  readonly nodeId: number;
  readonly epochRecord: EpochRecord;
  readonly clusterId: Uint8Array;
  readonly stateMachine: StateMachine;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly clientListener: ClientListener;
  readonly logger: Logger;
}

/** What the server needs of a replica. */
export interface RunningReplica {
  /** Resolves when a peer was connected for the first time; at once in a cluster of one. */
  readonly peerReached: Promise<void>;
  /** Resolves when it stops: undefined after `close`, else what stopped it. */
  readonly stopped: Promise<Error | undefined>;
  close(): Promise<void>;
}
