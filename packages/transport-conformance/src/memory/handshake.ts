import { create } from "@bufbuild/protobuf";
import {
  maxSaveHistoryBytes,
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

/** The version of the protocol between peers. */
const protocolVersion = 1;

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
} as const;

/** What either side says first. */
export function makeHello({ nodeId, ...others }: Identity, to: number): Hello {
  return create(HelloSchema, { protocolVersion, ...others, nodeId: BigInt(nodeId), to: BigInt(to) });
}

/** The last thing said on a connection that is refused. */
export function makeRefusal({ reason, detail }: Refusal): HandshakeRefusal {
  return create(HandshakeRefusalSchema, { reason: reasonOnTheWire[reason], detail });
}

/** Reads a refusal. Its detail comes from a peer and goes to logs: one line of bounded length is kept. */
export function readRefusal(refusal: HandshakeRefusal): AdmissionRefusal {
  const detail = refusal.detail.slice(0, 1000).replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
  const known = (["cluster", "node", "store"] as const).find(
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
  const { clusterId, nodeId, storeId, incarnation, saveHistory } = hello;
  const peer = { clusterId, nodeId: Number(nodeId), storeId, incarnation, saveHistory };
  const refusal = misfit(hello, context, dialed) ?? context.admit(peer);
  return refusal === undefined ? { peer } : { refusal };
}

function misfit(
  hello: Hello,
  { identity, peers }: TransportContext,
  dialed: number | undefined,
): Refusal | undefined {
  const own = identity.nodeId;
  const theirs = Number(hello.nodeId);
  if (hello.protocolVersion !== protocolVersion) {
    return {
      reason: "protocol_version",
      detail: `node ${theirs} speaks version ${hello.protocolVersion} of the protocol between peers, this node version ${protocolVersion}; run releases that speak the same version`,
    };
  }
  if (Buffer.compare(hello.clusterId, identity.clusterId) !== 0) {
    return {
      reason: "cluster",
      detail: `node ${theirs} belongs to cluster ${shortHex(hello.clusterId)}, node ${own} to ${shortHex(identity.clusterId)}; start both with the same hostfile, or correct the address`,
    };
  }
  const refuse = (detail: string): Refusal => ({ reason: "node", detail });
  if (theirs === own) return refuse(`${own} is this node's own id; give each node an id of its own`);
  if (dialed !== undefined && theirs !== dialed) {
    return refuse(
      `node ${theirs} answers at the address of node ${dialed}; start each node with its own id and address`,
    );
  }
  if (!peers.some(({ nodeId }) => nodeId === theirs)) {
    const members = [own, ...peers.map(({ nodeId }) => nodeId)].sort((a, b) => a - b).join(", ");
    return refuse(`node ${theirs} is no member of the cluster; its members are ${members}`);
  }
  if (hello.to !== BigInt(own)) {
    return refuse(
      `node ${theirs} takes this node for node ${hello.to}, but it is node ${own}; start each node with its own id and address`,
    );
  }
  const { length } = hello.saveHistory;
  if (length > maxSaveHistoryBytes) {
    return {
      reason: "store",
      detail: `node ${theirs} shows a history of saves of ${length} bytes, ${maxSaveHistoryBytes} are allowed; its storage is damaged, or it is no node`,
    };
  }
  return undefined;
}

const shortHex = (bytes: Uint8Array): string =>
  bytes.length === 0 ? "(none)" : Buffer.from(bytes.subarray(0, 8)).toString("hex");
