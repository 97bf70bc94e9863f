// Epochs: entering the next one, leaving the cluster, and meeting nodes that are in another one.
import { fromBinary } from "@bufbuild/protobuf";
import { EpochRecordSchema, type EpochRecord, type Message } from "@paxos/proto";
import { ConfigError, invariant } from "./errors.js";
import { ignore } from "./ignored.js";
import { Membership, membersOf } from "./membership.js";
import { makePeers, makeStranger, type Peer } from "./peers.js";
import type { PeerAddress } from "./ports.js";
import type { State } from "./state.js";
import { everybody, loseLeader, restartProgress, stepDown } from "./view.js";
import { maxAddress } from "./next-epoch.js";
import { fromWire, isId } from "./wire.js";

/** The most bytes of an epoch record, as peers are shown it. */
export const maxEpochRecordBytes = 64 * 1024;

/** For how many progress timeouts after it was last heard a stranger is kept: half a minute. */
const keptFor = 50;

/**
 * Everything before it is ordered and known here: the next epoch begins (safety rule 7). The next save enters it: with that, the
 * acceptances of older epochs count no more, the promise is that of the first view, and who leads that view has it on record.
 */
export function enterEpoch(s: State, record: EpochRecord): void {
  const { nodeId, logger, commandVersion } = s.settings;
  requireKnownCommands(commandVersion, record);
  const before = s.membership;
  const next = new Membership(record);
  invariant(next.epoch > before.epoch, `epoch ${next.epoch} is entered after ${before.epoch}`);
  invariant(s.history.aru >= next.beginsAfter, `epoch ${next.epoch} begins after seq ${next.beginsAfter}`);
  logger.info(`enters epoch ${next.epoch}: ${describeMembers(next)}`);
  const ledBefore = s.role === "leader";
  s.membership = next;
  s.address = next.addressOf(nodeId) ?? s.address;
  replacePeers(s);
  s.role = "follower";
  s.view = s.attempted = s.promised = next.firstView;
  s.led = undefined;
  s.preparing = s.prepareOK = s.leading = s.takenOverAt = undefined;
  s.attempts = 0;
  // Its leader has proposed the stop sign, or lost it to another, which had to wait for its end.
  s.lease = undefined;
  s.history.startEpoch(next.firstView);
  s.durable = { ...s.durable, ...nothingDurable(next.epoch) };
  s.outbox.startEpoch(next.epoch);
  s.storesLogged = false;
  s.heartbeatWanted = true;
  loseLeader(s);
  restartProgress(s);
  if (!next.isMember(nodeId)) return leave(s);
  const leads = next.leaderOf(next.firstView) === nodeId && !s.storageFailed;
  if (!leads || !ledBefore) s.updates.restart();
  if (leads) leadFirstView(s);
}

/**
 * From the epoch on that uses a version of commands, the log may hold such.
 * @throws ConfigError when this node's state machine does not know it.
 */
export function requireKnownCommands(known: number, { epoch, commandVersion }: EpochRecord): void {
  if (commandVersion <= known) return;
  throw new ConfigError(
    `epoch ${epoch} uses version ${commandVersion} of the state machine's commands, this node ${knows(known)}; ` +
      `run a release that knows version ${commandVersion}`,
  );
}

/** Which commands a node knows, in words. */
export function knows(commandVersion: number): string {
  return commandVersion === 0 ? "knows none" : `knows them up to version ${commandVersion}`;
}

/** What of the views of an epoch is durable when it is entered. */
export function nothingDurable(epoch: number) {
  return { epoch, promisedView: 0, ledView: undefined, accepted: { view: 0, seq: 0 } };
}

/** Safety rule 4: no word of it before "I lead" is durable. No election, for no lower view exists in which to accept anything. */
function leadFirstView(s: State): void {
  s.led = s.view;
  s.role = "preparing";
  s.preparing = { view: s.view, answers: new Map(), isFirst: true, handedOver: 0 };
}

/** Those who stay are known; those who leave are strangers from now on. */
function replacePeers(s: State): void {
  const known = new Map([...s.strangers, ...s.peers]);
  s.peers = makePeers(s.membership, s.settings.nodeId, known);
  for (const [nodeId, peer] of known) {
    if (s.peers.has(nodeId)) s.strangers.delete(nodeId);
    else if (!s.strangers.has(nodeId)) {
      peer.isVoter = false;
      peer.lastHeard = s.now;
      s.strangers.set(nodeId, peer);
    }
  }
  listPeers(s);
}

/** Whom to be connected to has changed. */
function listPeers(s: State): void {
  s.outbox.peers = peerAddresses(s);
}

/** Whom to be connected to. */
export function peerAddresses(s: State): PeerAddress[] {
  if (s.retired) return [];
  return [...everybody(s)].map(({ nodeId, address }) => ({ nodeId, address }));
}

/** This node is no member any more. It goes on serving its past until the new epoch does without it. */
function leave(s: State): void {
  s.settings.logger.info(`was removed from the cluster in epoch ${s.membership.epoch}`);
  s.updates.restart();
  for (const { clientId, timestamp } of Array.from(s.updates)) {
    s.updates.remove(clientId, timestamp);
    s.outbox.refusals.push({ clientId, timestamp, code: "removed" });
  }
}

/** Whether this node was removed from the cluster. */
export function isRemoved(s: State): boolean {
  return !s.membership.isMember(s.settings.nodeId);
}

/** A message of another epoch, or from no member. It says where its sender stands, and nothing else counts. */
export function onOtherEpoch(s: State, from: Peer, epoch: number, type: Message["type"]): void {
  if (type.case !== "heartbeat") {
    return ignore(s, "wrong_epoch", `message of epoch ${epoch}`);
  }
  const aru = fromWire(type.value.localAru, "ARU");
  // Who is in a later epoch knows the stop sign as ordered, which this node does not.
  if (epoch > s.membership.epoch && aru <= s.history.aru) {
    return ignore(s, "wrong_epoch", `heartbeat of epoch ${epoch} with ARU ${aru}`);
  }
  from.aru = aru;
  if (epoch <= s.membership.epoch) return;
  retireIfReplaced(s, from);
  // Its epoch is over: somebody knows the stop sign as ordered. Who leads goes by its votes alone, so it must stop to learn.
  if (s.role !== "leader" && s.role !== "preparing") return;
  s.settings.logger.info(`node ${from.nodeId} is in epoch ${epoch}: leads no more`);
  stepDown(s);
  s.updates.restart();
  restartProgress(s);
}

/** A member of the new epoch knows of something ordered in it: nobody needs this node any more. */
export function retireIfReplaced(s: State, from: Peer): void {
  if (!isRemoved(s) || s.retired || from.aru <= s.membership.beginsAfter) return;
  s.settings.logger.info("retires: the others go on without it");
  s.retired = true;
  listPeers(s);
}

/** A peer shows the record of its epoch. Of a later one the members are worth knowing. */
export function meet(s: State, bytes: Uint8Array | undefined): void {
  const later = bytes && readRecord(bytes);
  if (later === undefined || later.epoch <= s.membership.epoch) return;
  for (const member of membersOf(later.record)) {
    const nodeId = Number(member.nodeId);
    const known = s.peers.get(nodeId) ?? s.strangers.get(nodeId);
    if (nodeId === s.settings.nodeId || known?.address === member.address) continue;
    if (known === undefined) addStranger(s, nodeId, member.address);
    else known.address = member.address;
    listPeers(s);
  }
}

function addStranger(s: State, nodeId: number, address: string): Peer {
  const stranger = makeStranger(nodeId, address);
  stranger.lastHeard = s.now;
  s.strangers.set(nodeId, stranger);
  return stranger;
}

/**
 * Who was a member once introduces itself. Until the epoch is seen to do without those who have left, they may hold what others
 * still need, and are told nothing.
 */
export function meetFormer(s: State, nodeId: number, address: string): Peer | undefined {
  const { beginsAfter, record } = s.membership;
  const wasMember = isId(nodeId) && nodeId !== s.settings.nodeId && nodeId < Number(record.nextNodeId);
  if (!wasMember || s.history.aru > beginsAfter || address === "" || address.length > maxAddress)
    return undefined;
  const stranger = addStranger(s, nodeId, address);
  listPeers(s);
  return stranger;
}

function readRecord(bytes: Uint8Array): Membership | undefined {
  if (bytes.length > maxEpochRecordBytes) return undefined;
  try {
    return new Membership(fromBinary(EpochRecordSchema, bytes));
  } catch {
    return undefined;
  }
}

/** Every heartbeat: strangers that are not heard any more are forgotten. */
export function forgetStrangers(s: State): void {
  for (const [nodeId, { lastHeard = 0 }] of s.strangers) {
    if (s.now - lastHeard < keptFor * s.settings.progressTicks) continue;
    s.strangers.delete(nodeId);
    listPeers(s);
  }
}

function describeMembers({ voters, members }: Membership): string {
  const learners = members.slice(voters.length);
  return `voters ${voters.join(", ")}${learners.length > 0 ? `; learners ${learners.join(", ")}` : ""}`;
}
