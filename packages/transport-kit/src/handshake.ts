import { create } from "@bufbuild/protobuf";
import {
  agreeOnVersion,
  maxAddress,
  maxEpochRecordBytes,
  maxSaveHistoryBytes,
  protocolVersions,
  type AdmissionRefusal,
  type AdmissionRefusalReason,
  type Identity,
  type TransportContext,
} from "@paxos/core";
import {
  HandshakeRefusalReason,
  HandshakeRefusalSchema,
  HelloSchema,
  type HandshakeRefusal,
  type Hello,
} from "@paxos/proto";
import { oneLine } from "./one-line.js";

/** Why a connection is refused: what an {@link AdmissionRefusal} may say, or that it did not begin with a Hello. */
export interface Refusal {
  readonly reason: AdmissionRefusalReason | "no_hello";
  readonly detail: string;
}

/** What this node says first to the node `to`. Reads the identity anew. */
export function helloFrom(identity: Identity, to: number): Hello {
  return create(HelloSchema, {
    protocolVersion: protocolVersions.oldest,
    newestVersion: identity.protocolVersion,
    commandVersion: identity.commandVersion,
    clusterId: identity.clusterId,
    nodeId: BigInt(identity.nodeId),
    storeId: identity.storeId,
    to: BigInt(to),
    incarnation: identity.incarnation,
    saveHistory: identity.saveHistory,
    epochRecord: identity.epochRecord,
    address: identity.address,
  });
}

const reasonOnTheWire = {
  no_hello: HandshakeRefusalReason.NO_HELLO,
  protocol_version: HandshakeRefusalReason.PROTOCOL_VERSION,
  cluster: HandshakeRefusalReason.CLUSTER,
  node: HandshakeRefusalReason.NODE,
  store: HandshakeRefusalReason.STORE,
  removed: HandshakeRefusalReason.REMOVED,
} as const;

/** The last thing said on a connection that is refused. */
export function handshakeRefusal({ reason, detail }: Refusal): HandshakeRefusal {
  return create(HandshakeRefusalSchema, { reason: reasonOnTheWire[reason], detail });
}

/** Reads a refusal. Its detail comes from a peer and goes to logs. */
export function readRefusal(refusal: HandshakeRefusal): AdmissionRefusal {
  const detail = oneLine(refusal.detail);
  switch (refusal.reason) {
    case HandshakeRefusalReason.CLUSTER:
      return { reason: "cluster", detail };
    case HandshakeRefusalReason.NODE:
      return { reason: "node", detail };
    case HandshakeRefusalReason.STORE:
      return { reason: "store", detail };
    case HandshakeRefusalReason.REMOVED:
      return { reason: "removed", detail };
    // No Hello where one was expected, or a reason that this version does not know: the versions do not fit.
    default:
      return { reason: "protocol_version", detail };
  }
}

/** What the first frame of either side may carry, and what a frame that refuses carries. */
export interface Greeting {
  readonly hello?: Hello | undefined;
  readonly refusal?: HandshakeRefusal | undefined;
}

/** The outcome of looking at the other side's Hello. */
export type HelloCheck = { readonly peer: Identity } | { readonly refusal: Refusal };

/**
 * Checks the other side's first frame; undefined when there was none. `dialed` is the node that was called, or undefined
 * on the side that was called. Only who passes everything else is put before `context.admit`, which alone knows the members.
 */
export function checkHello(
  first: Greeting | undefined,
  context: TransportContext,
  dialed?: number,
): HelloCheck {
  const hello = first?.hello;
  if (hello === undefined) {
    return refuse(
      "no_hello",
      "the first frame was no Hello; a node of another version, or another program, calls here",
    );
  }
  const agreed = agreeOnVersion(hello, context.identity);
  if ("refusal" in agreed) return agreed;
  return (
    checkCluster(hello, context.identity) ??
    checkNode(hello, context.identity, dialed) ??
    checkHistory(hello) ??
    checkSizes(hello) ??
    admit(identityOf(hello, agreed.version), context)
  );
}

function identityOf(hello: Hello, protocolVersion: number): Identity {
  const { clusterId, nodeId, storeId, incarnation, saveHistory, epochRecord, address, commandVersion } =
    hello;
  return {
    clusterId,
    nodeId: Number(nodeId),
    storeId,
    incarnation,
    saveHistory,
    epochRecord,
    address,
    protocolVersion,
    commandVersion,
  };
}

function refuse(reason: Refusal["reason"], detail: string): { refusal: Refusal } {
  return { refusal: { reason, detail } };
}

function checkCluster(hello: Hello, own: Identity): HelloCheck | undefined {
  if (Buffer.compare(hello.clusterId, own.clusterId) === 0) return undefined;
  return refuse(
    "cluster",
    `node ${hello.nodeId} belongs to cluster ${shortHex(hello.clusterId)}, node ${own.nodeId} to ${shortHex(own.clusterId)}; start both with the same hostfile, or correct the address`,
  );
}

function checkNode(hello: Hello, { nodeId: own }: Identity, dialed?: number): HelloCheck | undefined {
  const theirs = Number(hello.nodeId);
  if (!Number.isSafeInteger(theirs)) {
    return refuse("node", `${hello.nodeId} is no node id: those are whole numbers below 2^53`);
  }
  if (theirs === own) {
    return refuse("node", `${own} is this node's own id; give each node an id of its own`);
  }
  if (dialed !== undefined && theirs !== dialed) {
    return refuse(
      "node",
      `node ${theirs} answers at the address of node ${dialed}; start each node with its own id and address`,
    );
  }
  if (hello.to !== BigInt(own)) {
    return refuse(
      "node",
      `node ${theirs} takes this node for node ${hello.to}, but it is node ${own}; start each node with its own id and address`,
    );
  }
  return undefined;
}

function checkHistory({ nodeId, saveHistory: { length } }: Hello): HelloCheck | undefined {
  if (length <= maxSaveHistoryBytes) return undefined;
  return refuse(
    "store",
    `node ${nodeId} shows a history of saves of ${length} bytes, ${maxSaveHistoryBytes} are allowed; its storage is damaged, or it is no node`,
  );
}

/** No node that works says more of itself. */
function checkSizes({ nodeId, epochRecord, address }: Hello): HelloCheck | undefined {
  if (epochRecord.length > maxEpochRecordBytes) {
    return refuse(
      "node",
      `node ${nodeId} shows an epoch record of ${epochRecord.length} bytes, ${maxEpochRecordBytes} are allowed; it is damaged, or no node`,
    );
  }
  if (address.length > maxAddress) {
    return refuse(
      "node",
      `node ${nodeId} shows an address of ${address.length} characters, ${maxAddress} are allowed; it is damaged, or no node`,
    );
  }
  return undefined;
}

function admit(peer: Identity, context: TransportContext): HelloCheck {
  const refusal = context.admit(peer);
  return refusal === undefined ? { peer } : { refusal };
}

function shortHex(bytes: Uint8Array): string {
  return bytes.length === 0 ? "(none)" : Buffer.from(bytes.subarray(0, 8)).toString("hex");
}
