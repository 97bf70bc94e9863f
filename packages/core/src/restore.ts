import { toBinary } from "@bufbuild/protobuf";
import { EpochRecordSchema, type EpochRecord, type PersistentState, type Snapshot } from "@paxos/proto";
import type { Settings } from "./config.js";
import { ConfigError, invariant } from "./errors.js";
import type { Run } from "./history.js";
import { membersOf, type Membership } from "./membership.js";
import type { Durable } from "./outbox.js";
import type { Peer } from "./peers.js";
import type { StoredState } from "./ports.js";
import { markOf, type Saves } from "./save-history.js";
import { toWire } from "./wire.js";

const formatVersion = 1;

/** The version of the content of snapshots. */
export const snapshotFormat = 1;

/** What a save writes besides runs. */
export function makePersistentState(
  { settings, membership, address }: { settings: Settings; membership: Membership; address: string },
  view: number,
  makes: Durable,
  peers: Iterable<Peer>,
  saves: Saves,
): PersistentState {
  const stores = new Set(makes.peerStores);
  const known = [...peers].filter((peer) => stores.has(peer.nodeId) && peer.storeId !== undefined);
  return {
    $typeName: "paxos.v1.PersistentState",
    formatVersion,
    nodeId: toWire(settings.nodeId),
    nodeCount: toWire(membership.voters.length),
    lastInstalled: toWire(view),
    saveNumber: toWire(makes.saveNumber),
    promisedView: toWire(makes.promisedView),
    ...(makes.ledView === undefined ? {} : { ledView: toWire(makes.ledView) }),
    localAru: toWire(makes.aru),
    epochRecord: membership.record,
    clusterId: settings.clusterId,
    address,
    peerStores: known.map(({ nodeId, storeId, save }) => ({
      $typeName: "paxos.v1.PeerStore",
      nodeId: toWire(nodeId),
      storeId: storeId as bigint,
      ...(save && { save: markOf(save) }),
    })),
    saveHistory: saves.upTo(makes.saveNumber),
  };
}

/**
 * What was durable when the node stopped.
 * @throws ConfigError when the storage belongs to another node, cluster or format.
 */
export function restoreDurable(settings: Settings, { epoch }: Membership, { state }: StoredState): Durable {
  if (state === undefined) {
    const accepted = { view: 0, seq: 0 };
    return {
      saveNumber: 0,
      epoch,
      promisedView: 0,
      ledView: undefined,
      aru: 0,
      accepted,
      peerStores: [],
      install: undefined,
    };
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
  const promisedView = Number(state.promisedView);
  return {
    saveNumber: Number(state.saveNumber),
    epoch,
    promisedView,
    ledView: state.ledView === undefined ? undefined : Number(state.ledView),
    aru: Number(state.localAru),
    accepted: { view: promisedView, seq: 0 },
    peerStores: state.peerStores.map((store) => Number(store.nodeId)),
    install: undefined,
  };
}

/** The acceptances of this epoch above the ARU. */
export function* restoreRuns(
  { epoch: current }: Membership,
  stored: StoredState,
): Iterable<Pick<Run, "seq" | "view" | "updates">> {
  for (const { ordered, epoch, proposal } of stored.runs) {
    if (ordered || proposal === undefined || epoch !== toWire(current)) continue;
    yield { seq: Number(proposal.seq), view: Number(proposal.view), updates: proposal.updates };
  }
}

/** Puts the store ids on record into the table of peers. */
export function restorePeers(
  peers: ReadonlyMap<number, Peer>,
  stored: StoredState,
): ReadonlyMap<number, Peer> {
  for (const { nodeId, storeId, save } of stored.state?.peerStores ?? []) {
    const peer = peers.get(Number(nodeId));
    if (peer === undefined) continue;
    peer.storeId = storeId;
    if (save !== undefined) peer.save = { incarnation: save.incarnation, number: Number(save.saveNumber) };
    peer.storeDurable = true;
  }
  return peers;
}

/**
 * The membership on record in storage. While that is the one that the cluster began with, the configuration must name the same,
 * save for the backup that the cluster may have begun with; later it is history.
 * @throws ConfigError
 */
export function recordedEpoch(
  configured: EpochRecord,
  { epochRecord: record }: PersistentState,
): EpochRecord {
  // What a node that joins was told is of the day on which it asked.
  const later = record !== undefined && (record.epoch > 0n || configured.epoch > 0n);
  if (record !== undefined && (later || sameRecord({ ...record, base: configured.base }, configured)))
    return record;
  throw new ConfigError(
    `the storage belongs to a cluster of ${listMembers(record)}; the configuration names ` +
      `${listMembers(configured)}. Once a cluster is formed its own record counts: ` +
      `restore the configuration, or give this node a storage of its own`,
  );
}

/**
 * The snapshots in storage, the latest last.
 * @throws ConfigError for one that this version cannot read.
 */
export function restoreSnapshots({ snapshots = [] }: StoredState, aru: number): readonly Snapshot[] {
  for (const { formatVersion, seq } of snapshots) {
    if (formatVersion !== snapshotFormat) {
      throw new ConfigError(
        `the snapshot at seq ${seq} has format version ${formatVersion}; this version of the library reads ${snapshotFormat}`,
      );
    }
    invariant(Number(seq) <= aru, `a snapshot at seq ${seq} is held, everything up to ${aru} is ordered`);
  }
  return snapshots;
}

/** Whether two records say the same. */
export function sameRecord(a: EpochRecord, b: EpochRecord): boolean {
  const [x, y] = [toBinary(EpochRecordSchema, a), toBinary(EpochRecordSchema, b)];
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}

function listMembers(record: EpochRecord | undefined): string {
  const members = record === undefined ? [] : membersOf(record);
  return members.map((member) => `${member.nodeId} at ${member.address}`).join(", ") || "nobody";
}
