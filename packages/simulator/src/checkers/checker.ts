import type { Save, StoredState } from "@paxos/core";
import type { Message, Snapshot } from "@paxos/proto";
import type { Call } from "../clients/call.js";

/** An update that a state machine applies. */
export interface Application {
  readonly nodeId: number;
  readonly seq: number;
  readonly call: Call;
  readonly result: Uint8Array;
  /** Of the state after it; undefined when the state machine gives none. */
  readonly digest: string | number | bigint | undefined;
}

/**
 * Watches a run through the ports of its nodes, and knows nothing of workloads. Everything is told at the
 * moment at which it happens.
 */
export interface Checker {
  /** A node starts with this. */
  started?(nodeId: number, stored: StoredState): void;
  /** A node's clock ticks. */
  ticked?(nodeId: number): void;
  /** A node has something saved; and hears that it is. */
  saveBegins?(nodeId: number): void;
  saveEnds?(nodeId: number): void;
  /** A message leaves a node. */
  sent?(nodeId: number, message: Message): void;
  /** A message reaches a node. */
  delivered?(nodeId: number, message: Message): void;
  /** A save is durable, whether or not its node hears of it. */
  durable?(nodeId: number, save: Save): void;
  /** A node's own snapshot is durable, whether or not its node hears of it; these are its bytes. */
  snapshotHeld?(nodeId: number, snapshot: Snapshot, content: Uint8Array): void;
  /** A node's log begins here now. */
  compacted?(nodeId: number, firstSeq: number): void;
  /** A node's storage fails, and the node is told. */
  storageFailed?(nodeId: number): void;
  /** A node's disk is exchanged for one that holds this. */
  exchanged?(nodeId: number, stored: StoredState): void;
  applied?(application: Application): void;
  /** A node's state machine has been given the snapshot at this seq; the digest is that of the state after it. */
  restored?(nodeId: number, seq: number, digest: Application["digest"]): void;
  /** A node answers a client that its update was executed. */
  acknowledges?(nodeId: number): void;
  /** A client is told that its update was ordered at this seq. */
  answered?(call: Call, nodeId: number, seq: number): void;
  /** A client is told at its first attempt that its update was not taken. */
  refused?(call: Call, nodeId: number): void;
}

/** Reports what must never happen, in words. */
export type Report = (finding: string) => void;
