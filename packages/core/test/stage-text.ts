// What happens on the stage, as text.
import type { PersistentState, StoredRun } from "@paxos/proto";
import { describeUpdate } from "../src/describe.js";
import type { OrderedUpdate } from "../src/outbox.js";
import type { Save } from "../src/ports.js";
import type { NodeStatus } from "../src/status.js";
import type { Member } from "./cluster.js";

/** What a node saved before: a save is told by what is new in it. */
export type SavedBefore = Pick<
  PersistentState,
  "promisedView" | "ledView" | "localAru" | "peerStores" | "lastInstalled"
>;

export function describeSave({ state, runs, install }: Save, before: SavedBefore | undefined): string {
  const news = [];
  if (install !== undefined) news.push(`installs snapshot ${install.seq}`);
  if (state.promisedView !== (before?.promisedView ?? 0n)) news.push(`promise ${state.promisedView}`);
  if (state.ledView !== before?.ledView) news.push(`leads ${state.ledView}`);
  news.push(...runs.map(describeRun));
  if (state.localAru !== (before?.localAru ?? 0n)) news.push(`ARU ${state.localAru}`);
  const known = new Set(before?.peerStores.map((store) => store.nodeId));
  const met = state.peerStores.map((store) => store.nodeId).filter((id) => !known.has(id));
  if (met.length > 0) news.push(`store of ${met.join(", ")}`);
  if (news.length === 0 && state.lastInstalled !== before?.lastInstalled)
    news.push(`view ${state.lastInstalled}`);
  return news.join("; ") || "nothing new";
}

/** A stored run: accepted in a view, or learnt as ordered. */
function describeRun({ ordered, proposal }: StoredRun): string {
  const updates = proposal?.updates.map(describeUpdate).join(", ");
  return `${ordered ? "ordered" : `view=${proposal?.view}`} seq=${proposal?.seq} {${updates}}`;
}

export function describeApplied({ seq, noop, clientId, timestamp, update }: OrderedUpdate): string {
  return noop ? `${seq} noop` : `${seq} ${clientId}/${timestamp} "${new TextDecoder().decode(update)}"`;
}

export function describeStatus(status: NodeStatus): string {
  const { nodeId, role, view, leader, aru, promised, waitingUpdates } = status;
  const waiting = waitingUpdates > 0 ? `, ${waitingUpdates} waiting` : "";
  return `${nodeId}: ${role}, view ${view}, leader ${leader ?? "none"}, promised ${promised}, ARU ${aru}${waiting}`;
}

/** What a node would find after a crash. */
export function describeDisk({ id, disk, pending }: Member): string[] {
  const { state, runs, snapshots = [], incoming } = disk.load();
  const aru = Number(state?.localAru ?? 0n);
  const ordered = [...disk.values(aru).entries()].sort(([a], [b]) => a - b);
  const led = state?.ledView === undefined ? "" : `, led ${state.ledView}`;
  return [
    `${id}: save #${state?.saveNumber ?? 0}, promised ${state?.promisedView ?? 0}${led}, ARU ${aru}`,
    ...snapshots.map(({ seq, origin, chunks }) => `  snapshot ${seq} of store ${origin}, ${chunks} chunks`),
    ...(incoming === undefined
      ? []
      : [`  receiving snapshot ${incoming.snapshot.seq}: ${incoming.next} of ${incoming.snapshot.chunks}`]),
    ...(disk.firstSeq > 1 ? [`  log from ${disk.firstSeq}`] : []),
    ...(ordered.length > 0
      ? [`  ordered ${ordered.map(([seq, bytes]) => `${seq} ${describeUpdate(bytes)}`).join(", ")}`]
      : []),
    ...runs.map((run) => `  accepted ${describeRun(run)}`),
    ...(pending === undefined
      ? []
      : [`  under way: save #${pending.number}: ${describeSave(pending, state)}`]),
  ];
}
