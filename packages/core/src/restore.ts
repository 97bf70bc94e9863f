import { create, toBinary } from "@bufbuild/protobuf";
import {
  EpochRecordSchema,
  PersistentStateSchema,
  type EpochRecord,
  type PersistentState,
} from "@paxos/proto";
import type { Settings } from "./config.js";
import { ConfigError } from "./errors.js";
import type { Run } from "./history.js";
import type { Durable } from "./outbox.js";
import type { Peer } from "./peers.js";
import type { StoredState } from "./ports.js";
import { toWire } from "./wire.js";

const formatVersion = 1;

/** What a save writes besides runs. */
export function makePersistentState(
  settings: Settings,
  view: number,
  makes: Durable,
  peers: Iterable<Peer>,
): PersistentState {
  const stores = new Set(makes.peerStores);
  return create(PersistentStateSchema, {
    formatVersion,
    nodeId: toWire(settings.nodeId),
    nodeCount: toWire(settings.membership.voters.length),
    lastInstalled: toWire(view),
    saveNumber: toWire(makes.saveNumber),
    promisedView: toWire(makes.promisedView),
    ...(makes.ledView === undefined ? {} : { ledView: toWire(makes.ledView) }),
    localAru: toWire(makes.aru),
    epochRecord: settings.membership.record,
    peerStores: [...peers]
      .filter((peer) => stores.has(peer.nodeId) && peer.storeId !== undefined)
      .map((peer) => ({ nodeId: toWire(peer.nodeId), storeId: peer.storeId as bigint })),
  });
}

/**
 * What was durable when the node stopped.
 * @throws ConfigError when the storage belongs to another node, cluster or format.
 */
export function restoreDurable(settings: Settings, { state }: StoredState): Durable {
  if (state === undefined) {
    const accepted = { view: 0, seq: 0 };
    return { saveNumber: 0, promisedView: 0, ledView: undefined, aru: 0, accepted, peerStores: [] };
  }
  if (state.formatVersion !== formatVersion) {
    throw new ConfigError(
      `the storage has format version ${state.formatVersion}; this version of the library reads ${formatVersion}`,
    );
  }
  if (state.nodeId !== toWire(settings.nodeId)) {
    throw new ConfigError(
      `the storage belongs to node ${state.nodeId}, this is node ${settings.nodeId}; give each node its own storage`,
    );
  }
  if (state.epochRecord === undefined || !sameMembers(state.epochRecord, settings.membership.record)) {
    throw new ConfigError(
      `the storage belongs to a cluster of ${listMembers(state.epochRecord)}; the configuration names ` +
        `${listMembers(settings.membership.record)}. Once a cluster is formed its own record counts: ` +
        `restore the configuration, or give this node a storage of its own`,
    );
  }
  const promisedView = Number(state.promisedView);
  return {
    saveNumber: Number(state.saveNumber),
    promisedView,
    ledView: state.ledView === undefined ? undefined : Number(state.ledView),
    aru: Number(state.localAru),
    accepted: { view: promisedView, seq: 0 },
    peerStores: state.peerStores.map((store) => Number(store.nodeId)),
  };
}

/** The acceptances of this epoch above the ARU. */
export function* restoreRuns(
  settings: Settings,
  stored: StoredState,
): Iterable<Pick<Run, "seq" | "view" | "updates">> {
  for (const { ordered, epoch, proposal } of stored.runs) {
    if (ordered || proposal === undefined || epoch !== toWire(settings.membership.epoch)) continue;
    yield { seq: Number(proposal.seq), view: Number(proposal.view), updates: proposal.updates };
  }
}

/** Puts the store ids on record into the table of peers. */
export function restorePeers(
  peers: ReadonlyMap<number, Peer>,
  stored: StoredState,
): ReadonlyMap<number, Peer> {
  for (const { nodeId, storeId } of stored.state?.peerStores ?? []) {
    const peer = peers.get(Number(nodeId));
    if (peer === undefined) continue;
    peer.storeId = storeId;
    peer.storeDurable = true;
  }
  return peers;
}

function sameMembers(a: EpochRecord, b: EpochRecord): boolean {
  const [x, y] = [toBinary(EpochRecordSchema, a), toBinary(EpochRecordSchema, b)];
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}

function listMembers(record: EpochRecord | undefined): string {
  const members = [...(record?.voters ?? []), ...(record?.learners ?? [])];
  return members.map((member) => `${member.nodeId} at ${member.address}`).join(", ") || "nobody";
}
