// What an inspection has found, for people and for programs.
import { membersOf } from "@paxos/core";
import type { Member } from "@paxos/proto";
import { clusterIdOf } from "@paxos/replica";
import type { StorageReport } from "@paxos/storage-level";

const LABEL_WIDTH = 11;

/** A line with a label, or several of which the first has it. */
type Section = readonly [label: string, ...lines: string[]];

/** Lines for people. */
export function describeReport(report: StorageReport): string {
  const { name, format, storeId, state, leftovers } = report;
  const sections: Section[] = [
    ["store", `${storeId === undefined ? "of unknown id" : hex(storeId)}, format ${format}`],
    ...(state === undefined
      ? [["state", "nothing was ever saved, or the record is damaged"] as const]
      : describeState(state, report.saves)),
    ["log", describeLog(report)],
    ["snapshots", ...describeSnapshots(report)],
    ...(leftovers === 0
      ? []
      : [["leftovers", `${plural(leftovers, "record")} of crashes, which the next start removes`] as const]),
  ];
  return [name, "", ...sections.flatMap(layOut), "", ...describeProblems(report), ""].join("\n");
}

/** One JSON object. Ids of stores and clusters are in hexadecimal, as the log has them. */
export function reportToJson(report: StorageReport): string {
  const { storeId, state, snapshots, incoming } = report;
  return JSON.stringify({
    ...report,
    ...(storeId !== undefined && { storeId: hex(storeId) }),
    ...(state !== undefined && { state: stateToJson(state) }),
    snapshots: snapshots.map((snapshot) => ({ ...snapshot, origin: hex(snapshot.origin) })),
    ...(incoming !== undefined && { incoming: { ...incoming, origin: hex(incoming.origin) } }),
  });
}

type State = NonNullable<StorageReport["state"]>;

function stateToJson({ nodeId, promisedView, ledView, epochRecord, clusterId, peerStores, ...rest }: State) {
  const toJson = (member: Member) => ({ nodeId: Number(member.nodeId), address: member.address });
  return {
    nodeId: Number(nodeId),
    promisedView: Number(promisedView),
    ...(ledView !== undefined && { ledView: Number(ledView) }),
    ...rest,
    ...(epochRecord !== undefined && {
      clusterId: bytesToHex(clusterId ?? clusterIdOf(epochRecord)),
      beganWithBackup: epochRecord.base.length > 0,
      epoch: Number(epochRecord.epoch),
      prepareQuorum: epochRecord.prepareQuorum,
      acceptQuorum: epochRecord.acceptQuorum,
      voters: epochRecord.voters.map(toJson),
      learners: epochRecord.learners.map(toJson),
    }),
    peerStores: peerStores.map((store) => ({
      nodeId: Number(store.nodeId),
      storeId: hex(store.storeId),
      ...(store.save !== undefined && { saveNumber: Number(store.save.saveNumber) }),
    })),
  };
}

function describeState(state: State, saves: StorageReport["saves"]): Section[] {
  const { nodeId, saveNumber, promisedView, ledView, localAru } = state;
  const members = describeMembers(state);
  return [
    ["cluster", describeCluster(state)],
    ["epoch", describeEpoch(state)],
    ["members", ...(members.length === 0 ? [`${nodeId}  this one`] : members)],
    ["saves", `${count(saveNumber)} made; ${count(saves.count)} on record, from ${count(saves.first)} on`],
    ["promised", `view ${promisedView}; ${ledView === undefined ? "never led" : `led view ${ledView}`}`],
    ["ordered", `up to seq ${count(localAru)}`],
  ];
}

function describeCluster({ epochRecord, clusterId }: State): string {
  if (epochRecord === undefined) return "unknown";
  const id = bytesToHex(clusterId ?? clusterIdOf(epochRecord));
  return `${id}${epochRecord.base.length === 0 ? "" : ", which began with a backup"}`;
}

/** The last one that this member has entered: of survivors, one of a later epoch knows more. */
function describeEpoch({ nodeId, epochRecord }: State): string {
  if (epochRecord === undefined) return "unknown";
  const { epoch, prepareQuorum, acceptQuorum } = epochRecord;
  const isMember = membersOf(epochRecord).some((member) => member.nodeId === nodeId);
  const quorums = `quorums of ${prepareQuorum} to prepare and ${acceptQuorum} to accept`;
  return `${epoch}; ${quorums}${isMember ? "" : `; node ${nodeId}, this one, was removed`}`;
}

function describeMembers({ nodeId, epochRecord, peerStores }: State): string[] {
  if (epochRecord === undefined) return [];
  const known = new Map(peerStores.map((store) => [store.nodeId, store]));
  const storeOf = (id: bigint): string => {
    const store = known.get(id);
    if (id === nodeId) return "this one";
    if (store === undefined) return "not met yet";
    const made = store.save === undefined ? "" : `, has made save ${count(store.save.saveNumber)} at least`;
    return `store ${hex(store.storeId)}${made}`;
  };
  return membersOf(epochRecord).map((member) => {
    const learns = epochRecord.learners.includes(member) ? ", a learner" : "";
    return `${member.nodeId}  ${member.address}  ${storeOf(member.nodeId)}${learns}`;
  });
}

function describeLog({ firstSeq, log, accepted, state }: StorageReport): string {
  const aru = state?.localAru ?? 0;
  const held =
    log.updates === 0
      ? `empty; goes on at seq ${count(firstSeq)}`
      : `seq ${count(firstSeq)} to ${count(aru)}: ${plural(log.runs, "record")}, ${size(log.bytes)}`;
  const { runs, lastSeq } = accepted;
  return runs === 0
    ? held
    : `${held}; accepted above it: ${plural(runs, "record")}, up to seq ${count(lastSeq)}`;
}

function describeSnapshots({ snapshots, incoming }: StorageReport): [string, ...string[]] {
  const lines = snapshots.map(
    ({ seq, chunks, bytes, isWhole }) =>
      `seq ${count(seq)}: ${size(bytes)} in ${plural(chunks, "chunk")}${isWhole ? "" : ", NOT WHOLE"}`,
  );
  if (incoming !== undefined)
    lines.push(
      `seq ${count(incoming.seq)}: of a peer, ${count(incoming.next)} of ${plural(incoming.chunks, "chunk")} received`,
    );
  const [first = "none", ...others] = lines;
  return [first, ...others];
}

function describeProblems({ problems, problemCount }: StorageReport): string[] {
  if (problemCount === 0) return ["ok: everything is there and whole"];
  const more = problemCount - problems.length;
  return [
    `${plural(problemCount, "problem")}:`,
    ...problems.map((problem) => `- ${problem}`),
    ...(more > 0 ? [`- and ${count(more)} more`] : []),
  ];
}

function layOut([label, ...lines]: Section): string[] {
  return lines.map((line, i) => `${(i === 0 ? label : "").padEnd(LABEL_WIDTH)}${line}`);
}

function hex(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}

function bytesToHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function count(number: number | bigint): string {
  return number.toLocaleString("en-US");
}

function plural(number: number, what: string): string {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

function size(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"] as const;
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? count(value) : value.toFixed(1)} ${units[unit]}`;
}
