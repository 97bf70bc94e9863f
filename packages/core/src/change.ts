// Membership changes: what the leader makes of them, and when it will not.
import { create } from "@bufbuild/protobuf";
import { EpochRecordSchema, type EpochRecord, type MembershipChange } from "@paxos/proto";
import { Membership } from "./membership.js";
import { ChangeError, nextRecord } from "./next-epoch.js";
import type { State } from "./state.js";
import { encodeStopSign } from "./stop-sign.js";
import { hears, knownLeader } from "./view.js";
import { toWire } from "./wire.js";

/** What becomes of a change. */
export type ChangeResult =
  /** It is proposed: the epoch it makes begins once its stop sign is ordered. If the leader is lost before, it may never be. */
  | { readonly kind: "proposed"; readonly epoch: number }
  /** It was made already: this is a repeated request. */
  | { readonly kind: "made"; readonly epoch: number }
  /** This node does not lead. */
  | { readonly kind: "not_leader"; readonly leader: number | undefined }
  /** Not now, or not like this. `unfit`: a quorum is not up and level, which may be forced. */
  | {
      readonly kind: "refused";
      readonly reason: "invalid" | "under_way" | "unfit" | "epoch";
      readonly detail: string;
    };

type Leading = NonNullable<State["leading"]>;

/** Proposes the epoch that a change makes, if that can be made. */
export function changeMembership(s: State, change: MembershipChange): ChangeResult {
  const { record, epoch } = s.membership;
  if (change.changeId !== 0n && change.changeId === record.changeId) return { kind: "made", epoch };
  if (s.leading === undefined) return { kind: "not_leader", leader: knownLeader(s) };
  if (s.leading.ending !== undefined) {
    // Asked for once more: who asks waits for the same.
    if (change.changeId !== 0n && change.changeId === s.leading.ending.changeId)
      return { kind: "proposed", epoch: epoch + 1 };
    return refused("under_way", "another membership change is under way; try again when it is done");
  }
  if (change.epoch !== undefined && change.epoch !== record.epoch) {
    return refused(
      "epoch",
      `the change was meant for epoch ${change.epoch}, the cluster is in epoch ${epoch}; look at its members again`,
    );
  }
  let next: EpochRecord;
  try {
    next = nextRecord(record, change);
  } catch (error) {
    if (error instanceof ChangeError) return refused("invalid", error.message);
    throw error;
  }
  if (!change.force) {
    const detail = whyUnfit(s, next, change);
    if (detail !== undefined) return refused("unfit", `${detail}; wait, or force it`);
  }
  proposeEpoch(s, s.leading, next);
  return { kind: "proposed", epoch: epoch + 1 };
}

/** Puts a stop sign behind everything that is proposed already and before everything that waits. */
export function proposeEpoch(s: State, leading: Leading, next: EpochRecord): void {
  const stopSign = create(EpochRecordSchema, {
    ...withStoreIds(s, next),
    firstView: toWire(chooseFirstView(s, next)),
    beginsAfter: toWire(leading.nextSeq + leading.first.length),
  });
  s.settings.logger.info(
    `proposes epoch ${stopSign.epoch}, to begin after seq ${stopSign.beginsAfter} in view ${stopSign.firstView}`,
  );
  leading.first.push(encodeStopSign(stopSign));
  leading.ending = stopSign;
}

function refused(reason: "invalid" | "under_way" | "unfit" | "epoch", detail: string): ChangeResult {
  return { kind: "refused", reason, detail };
}

/** Why the next epoch would stand still: its quorums must be up and less than a window behind. */
function whyUnfit(s: State, record: EpochRecord, { type }: MembershipChange): string | undefined {
  const next = new Membership(record);
  const fit = next.voters.filter((nodeId) => isFit(s, nodeId));
  const unfit = next.voters.filter((nodeId) => !fit.includes(nodeId));
  if (type.case === "promote" && unfit.includes(Number(type.value))) {
    return `node ${type.value} is not up, or lags by more than a window`;
  }
  if (fit.length >= next.hearingQuorum) return undefined;
  return (
    `of the ${next.voters.length} voters that there would be, ${fit.length} are up and level, ${next.hearingQuorum} are needed; ` +
    `not up, or behind: ${unfit.join(", ")}`
  );
}

/** Whether a node could take part at once: up, and less than a window behind. */
export function isFit(s: State, nodeId: number): boolean {
  if (nodeId === s.settings.nodeId) return true;
  const peer = s.peers.get(nodeId);
  return peer !== undefined && hears(s, peer) && peer.aru > s.history.aru - s.settings.windowUpdates;
}

/** The record carries on which storage each member has, so that a voter is known to those who never met it (safety rule 8). */
function withStoreIds(s: State, record: EpochRecord): EpochRecord {
  const storeIdOf = (nodeId: bigint): bigint | undefined => {
    if (nodeId === toWire(s.settings.nodeId)) return s.storeId;
    const peer = s.peers.get(Number(nodeId));
    return peer?.storeDurable === true ? peer.storeId : undefined;
  };
  const complete = (members: EpochRecord["voters"]) =>
    members.map((member) => ({ ...member, storeId: storeIdOf(member.nodeId) ?? member.storeId }));
  return { ...record, voters: complete(record.voters), learners: complete(record.learners) };
}

/** The lowest view that this node leads, so that no election is needed; if it leaves, one of a voter that is fit. */
function chooseFirstView(s: State, record: EpochRecord): number {
  const voters = record.voters.map(({ nodeId }) => Number(nodeId));
  const own = voters.indexOf(s.settings.nodeId);
  const others = voters.map((nodeId, at) => ({
    at,
    fit: isFit(s, nodeId),
    aru: s.peers.get(nodeId)?.aru ?? 0,
  }));
  const best = others.reduce((a, b) => (b.fit && (!a.fit || b.aru > a.aru) ? b : a));
  const at = own >= 0 ? own : best.at;
  // View 0 is nobody's.
  return at === 0 ? voters.length : at;
}
