import { create } from "@bufbuild/protobuf";
import type { AdmissionRefusal, Identity, TransportContext } from "@paxos/core";
import {
  AcceptSchema,
  CatchUpAnswerSchema,
  MessageSchema,
  SnapshotChunkSchema,
  type Message,
} from "@paxos/proto";
import {
  RefusalNotices,
  replicaTransportSettings,
  type PeerLinkage,
  type ReplicaTransportOptions,
} from "../src/index.js";
import { FaultRecorder } from "./fault-record.js";

const clusterId = new Uint8Array(32).fill(7);

/** How a node of that cluster introduces itself. */
export const identityOf = (nodeId: number): Identity => ({
  clusterId,
  nodeId,
  storeId: BigInt(nodeId + 100),
  incarnation: 2n ** 64n - BigInt(nodeId + 1),
  saveHistory: new Uint8Array(1024).fill(nodeId),
  epochRecord: new Uint8Array(64 * 1024).fill(nodeId),
  address: `${"ö".repeat(298)}:${nodeId}`,
  protocolVersion: 2,
  commandVersion: nodeId + 1,
});

/** Node 0 of three, and a record of what its transport tells it. */
export class RecordedLinkage extends FaultRecorder implements PeerLinkage {
  readonly told: string[] = [];
  refusing: AdmissionRefusal | undefined;
  onLoss: () => unknown = () => undefined;
  onMessage: (from: number, message: Message) => void = (from, { type }) =>
    void this.told.push(`${type.case} from ${from}`);

  readonly context: TransportContext = {
    identity: identityOf(0),
    address: "127.0.0.1:0",
    peers: [
      { nodeId: 1, address: "one:1" },
      { nodeId: 2, address: "two:2" },
    ],
    onMessage: (from, message) => this.onMessage(from, message),
    admit: () => this.refusing,
    onConnected: ({ nodeId }) => void this.told.push(`connected to ${nodeId}`),
    onDisconnected: ({ nodeId }, reason) => {
      this.told.push(`lost ${nodeId}: ${reason}`);
      this.onLoss();
    },
    onRefused: ({ nodeId }, { reason }) => void this.told.push(`refused by ${nodeId}: ${reason}`),
  };
  readonly notices = new RefusalNotices(this.context);
  readonly settings;
  readonly peer = (nodeId: number) => this.context.peers.find((peer) => peer.nodeId === nodeId);

  constructor(options: ReplicaTransportOptions = {}) {
    super();
    this.settings = replicaTransportSettings({ backOff: { minMs: 1, maxMs: 1 }, ...options });
  }
}

export function accept(to: number): Message {
  return create(MessageSchema, { to: BigInt(to), type: { case: "accept", value: create(AcceptSchema) } });
}

export function catchUpAnswer(to: number, bytes: number): Message {
  const value = create(CatchUpAnswerSchema, { updates: [new Uint8Array(bytes)] });
  return create(MessageSchema, { to: BigInt(to), type: { case: "catchUpAnswer", value } });
}

export function snapshotChunk(to: number, bytes: number): Message {
  const value = create(SnapshotChunkSchema, { data: new Uint8Array(bytes) });
  return create(MessageSchema, { to: BigInt(to), type: { case: "snapshotChunk", value } });
}
