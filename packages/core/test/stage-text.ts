// What happens on the stage, as text.
import {
  encodeClientUpdate,
  type EpochRecord,
  type Message,
  type PersistentState,
  type StoredRun,
} from "@paxos/proto";
import { describeMessage, describeUpdate } from "../src/describe.js";
import type { OrderedUpdate } from "../src/outbox.js";
import type { Save } from "../src/ports.js";
import type { NodeStatus } from "../src/status.js";
import type { Member } from "./cluster.js";

/** What a node saved before: a save is told by what is new in it. */
export type SavedBefore = Pick<
  PersistentState,
  "promisedView" | "ledView" | "localAru" | "peerStores" | "lastInstalled" | "epochRecord"
>;

/** A message, and its epoch if that is not the first one. */
export function describeSent(message: Message): string {
  return describeMessage(message) + (message.epoch > 0n ? ` (epoch ${message.epoch})` : "");
}

export function describeSave({ state, runs, install }: Save, before: SavedBefore | undefined): string {
  const news = [];
  const epoch = epochOf(state);
  const enters = epoch !== epochOf(before);
  if (enters) news.push(`epoch ${epoch}`);
  if (install !== undefined) news.push(`installs snapshot ${install.seq}`);
  if (enters || state.promisedView !== (before?.promisedView ?? 0n))
    news.push(`promise ${state.promisedView}`);
  if (state.ledView !== undefined && (enters || state.ledView !== before?.ledView))
    news.push(`leads ${state.ledView}`);
  news.push(...runs.map((run) => describeRun(run, epoch)));
  if (state.localAru !== (before?.localAru ?? 0n)) news.push(`ARU ${state.localAru}`);
  const known = new Set(before?.peerStores.map((store) => store.nodeId));
  const met = state.peerStores.map((store) => store.nodeId).filter((id) => !known.has(id));
  if (met.length > 0) news.push(`store of ${met.join(", ")}`);
  if (news.length === 0 && state.lastInstalled !== before?.lastInstalled)
    news.push(`view ${state.lastInstalled}`);
  return news.join("; ") || "nothing new";
}

function epochOf(state: Pick<PersistentState, "epochRecord"> | undefined): bigint {
  return state?.epochRecord?.epoch ?? 0n;
}

/** A stored run: accepted in a view, or learnt as ordered; of another epoch than the one on record, if so. */
function describeRun({ epoch, ordered, proposal }: StoredRun, recorded: bigint): string {
  const updates = proposal?.updates.map(describeUpdate).join(", ");
  const where = ordered ? "ordered" : `${epoch === recorded ? "" : `epoch=${epoch} `}view=${proposal?.view}`;
  return `${where} seq=${proposal?.seq} {${updates}}`;
}

/** An epoch record. */
export function describeMembers(record: EpochRecord): string {
  const { epoch, voters, learners, beginsAfter, firstView, prepareQuorum, acceptQuorum } = record;
  const list = (members: typeof voters) => members.map(({ nodeId }) => nodeId).join("+");
  const learning = learners.length > 0 ? `, learning ${list(learners)}` : "";
  return (
    `epoch ${epoch} of ${list(voters)}${learning}; after seq ${beginsAfter}, from view ${firstView} on; ` +
    `quorums ${prepareQuorum}, ${acceptQuorum}`
  );
}

export function describeApplied(ordered: OrderedUpdate): string {
  const { seq, noop, clientId, timestamp, update } = ordered;
  // A no-op, or a stop sign.
  if (noop) return `${seq} ${describeUpdate(encodeClientUpdate(ordered))}`;
  return `${seq} ${clientId}/${timestamp} "${new TextDecoder().decode(update)}"`;
}

export function describeStatus(status: NodeStatus): string {
  const { nodeId, epoch, role, view, leader, aru, promised, waitingUpdates } = status;
  const waiting = waitingUpdates > 0 ? `, ${waitingUpdates} waiting` : "";
  if (status.removed)
    return `${nodeId}: removed in epoch ${epoch}${status.retired ? ", retired" : ""}, ARU ${aru}`;
  return `${nodeId}: ${role}${epoch > 0 ? `, epoch ${epoch}` : ""}, view ${view}, leader ${leader ?? "none"}, promised ${promised}, ARU ${aru}${waiting}`;
}

/** What a node would find after a crash. */
export function describeDisk({ id, disk, pending }: Member): string[] {
  const { state, runs, snapshots = [], incoming } = disk.load();
  const aru = Number(state?.localAru ?? 0n);
  const ordered = [...disk.values(aru).entries()].sort(([a], [b]) => a - b);
  const led = state?.ledView === undefined ? "" : `, led ${state.ledView}`;
  const epoch = epochOf(state);
  return [
    `${id}: save #${state?.saveNumber ?? 0}${epoch > 0n ? `, epoch ${epoch}` : ""}, promised ${state?.promisedView ?? 0}${led}, ARU ${aru}`,
    ...snapshots.map(({ seq, origin, chunks }) => `  snapshot ${seq} of store ${origin}, ${chunks} chunks`),
    ...(incoming === undefined
      ? []
      : [`  receiving snapshot ${incoming.snapshot.seq}: ${incoming.next} of ${incoming.snapshot.chunks}`]),
    ...(disk.firstSeq > 1 ? [`  log from ${disk.firstSeq}`] : []),
    ...(ordered.length > 0
      ? [`  ordered ${ordered.map(([seq, bytes]) => `${seq} ${describeUpdate(bytes)}`).join(", ")}`]
      : []),
    ...runs.map((run) => `  accepted ${describeRun(run, epoch)}`),
    ...(pending === undefined
      ? []
      : [`  under way: save #${pending.number}: ${describeSave(pending, state)}`]),
  ];
}
