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

/** Why a connection is refused: what an {@link AdmissionRefusal} may say, or that it did not begin with a Hello. */
export interface Refusal {
  readonly reason: AdmissionRefusalReason | "no_hello";
  readonly detail: string;
}

const reasonOnTheWire = {
  no_hello: HandshakeRefusalReason.NO_HELLO,
  protocol_version: HandshakeRefusalReason.PROTOCOL_VERSION,
  cluster: HandshakeRefusalReason.CLUSTER,
  node: HandshakeRefusalReason.NODE,
  store: HandshakeRefusalReason.STORE,
  removed: HandshakeRefusalReason.REMOVED,
} as const;

/** What either side says first. */
export function makeHello(identity: Identity, to: number): Hello {
  // By name: what is read anew each time may be a getter of a class.
  const { clusterId, nodeId, storeId, incarnation, saveHistory, epochRecord, address } = identity;
  const ids = { nodeId: BigInt(nodeId), storeId, incarnation, to: BigInt(to) };
  const { protocolVersion: newestVersion, commandVersion } = identity;
  const versions = { protocolVersion: protocolVersions.oldest, newestVersion, commandVersion };
  return create(HelloSchema, { ...versions, clusterId, ...ids, saveHistory, epochRecord, address });
}

/** The last thing said on a connection that is refused. */
export function makeRefusal({ reason, detail }: Refusal): HandshakeRefusal {
  return create(HandshakeRefusalSchema, { reason: reasonOnTheWire[reason], detail });
}

/** Reads a refusal. Its detail comes from a peer and goes to logs: one line of bounded length is kept. */
export function readRefusal(refusal: HandshakeRefusal): AdmissionRefusal {
  const detail = refusal.detail.slice(0, 1000).replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
  const known = (["cluster", "node", "store", "removed"] as const).find(
    (name) => reasonOnTheWire[name] === refusal.reason,
  );
  // No Hello where one was expected, or a reason that this version does not know: the versions do not fit.
  return { reason: known ?? "protocol_version", detail };
}

/**
 * Checks what the other side said first, everything else before `admit`. `dialed` is the node that was called;
 * undefined on the side that was called.
 */
export function checkHello(
  hello: Hello | undefined,
  context: TransportContext,
  dialed?: number,
): { readonly peer: Identity } | { readonly refusal: Refusal } {
  if (hello === undefined) {
    const detail = "the first frame was no Hello; a node of another version, or another program, calls here";
    return { refusal: { reason: "no_hello", detail } };
  }
  const agreed = agreeOnVersion(hello, context.identity);
  if ("refusal" in agreed) return agreed;
  const { clusterId, nodeId, storeId, incarnation, saveHistory, epochRecord, address, commandVersion } =
    hello;
  const peer = {
    clusterId,
    nodeId: Number(nodeId),
    storeId,
    incarnation,
    saveHistory,
    epochRecord,
    address,
    protocolVersion: agreed.version,
    commandVersion,
  };
  const refusal = misfit(hello, context.identity, dialed) ?? oversize(hello) ?? context.admit(peer);
  return refusal === undefined ? { peer } : { refusal };
}

function misfit(hello: Hello, identity: Identity, dialed: number | undefined): Refusal | undefined {
  const own = identity.nodeId;
  const theirs = Number(hello.nodeId);
  if (Buffer.compare(hello.clusterId, identity.clusterId) !== 0) {
    return {
      reason: "cluster",
      detail: `node ${theirs} belongs to cluster ${shortHex(hello.clusterId)}, node ${own} to ${shortHex(identity.clusterId)}; start both with the same hostfile, or correct the address`,
    };
  }
  const refuse = (detail: string): Refusal => ({ reason: "node", detail });
  if (!Number.isSafeInteger(theirs))
    return refuse(`${hello.nodeId} is no node id: those are whole numbers below 2^53`);
  if (theirs === own) return refuse(`${own} is this node's own id; give each node an id of its own`);
  if (dialed !== undefined && theirs !== dialed) {
    return refuse(
      `node ${theirs} answers at the address of node ${dialed}; start each node with its own id and address`,
    );
  }
  if (hello.to !== BigInt(own)) {
    return refuse(
      `node ${theirs} takes this node for node ${hello.to}, but it is node ${own}; start each node with its own id and address`,
    );
  }
  return undefined;
}

/** What is more than a node that works says of itself. */
function oversize({ nodeId, saveHistory, epochRecord, address }: Hello): Refusal | undefined {
  if (saveHistory.length > maxSaveHistoryBytes) {
    return {
      reason: "store",
      detail: `node ${nodeId} shows a history of saves of ${saveHistory.length} bytes, ${maxSaveHistoryBytes} are allowed; its storage is damaged, or it is no node`,
    };
  }
  const bound = (what: string, size: string, most: number): Refusal => ({
    reason: "node",
    detail: `node ${nodeId} shows ${what} of ${size}, ${most} are allowed; it is damaged, or no node`,
  });
  if (epochRecord.length > maxEpochRecordBytes)
    return bound("an epoch record", `${epochRecord.length} bytes`, maxEpochRecordBytes);
  if (address.length > maxAddress) return bound("an address", `${address.length} characters`, maxAddress);
  return undefined;
}

const shortHex = (bytes: Uint8Array): string =>
  bytes.length === 0 ? "(none)" : Buffer.from(bytes.subarray(0, 8)).toString("hex");
