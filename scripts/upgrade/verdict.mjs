// Judges the logs of all nodes by what clients were told.

/**
 * One line of `paxos-client log --json`.
 *
 * @typedef {{ seq: number, clientId: string, timestamp: string, update: string }} LogEntry
 *
 * What a node holds: all entries, in their order.
 * @typedef {{ node: number, entries: readonly LogEntry[] }} HeldLog
 *
 * What a client was told: an update is ordered at this seq.
 * @typedef {{ update: string, seq: number }} Acknowledgement
 */

/** So many are told of each kind. */
const SHOWN = 5;

/**
 * What is wrong, in words; nothing when every acknowledged update stands once, where its client was told, in every log, no log has anything else, and all are in the same order.
 *
 * @param {readonly Acknowledgement[]} acknowledged
 * @param {readonly HeldLog[]} logs
 * @returns {string[]}
 */
export function faultsOf(acknowledged, logs) {
  return [
    ...shown(twiceAcknowledged(acknowledged)),
    ...logs.flatMap((log) => shown(misplaced(acknowledged, log))),
    ...differences(logs),
  ];
}

/** @param {readonly Acknowledgement[]} acknowledged */
function twiceAcknowledged(acknowledged) {
  const faults = [];
  const updates = new Map();
  const seqs = new Map();
  for (const { update, seq } of acknowledged) {
    if (updates.has(update))
      faults.push(`${update} was acknowledged at seq ${updates.get(update)} and at ${seq}`);
    else if (seqs.has(seq)) faults.push(`seq ${seq} was acknowledged for ${seqs.get(seq)} and for ${update}`);
    updates.set(update, seq);
    seqs.set(seq, update);
  }
  return faults;
}

/**
 * @param {readonly Acknowledgement[]} acknowledged
 * @param {HeldLog} log
 */
function misplaced(acknowledged, { node, entries }) {
  const faults = [];
  /** @type {Map<string, number[]>} */
  const places = new Map();
  let last = 0;
  for (const { seq, update } of entries) {
    if (seq <= last) faults.push(`node ${node} has seq ${seq} behind seq ${last}`);
    last = seq;
    places.set(update, [...(places.get(update) ?? []), seq]);
  }
  const known = new Set();
  for (const { update, seq } of acknowledged) {
    known.add(update);
    const at = places.get(update) ?? [];
    if (at.length === 1 && at[0] === seq) continue;
    const where = at.length === 0 ? "nowhere" : `at ${at.join(" and ")}`;
    faults.push(`node ${node} has ${update} ${where}; it was acknowledged at seq ${seq}`);
  }
  for (const [update, at] of places)
    if (!known.has(update))
      faults.push(`node ${node} has ${update} at ${at.join(" and ")}; nobody was told so`);
  return faults;
}

/**
 * Where two logs that are next to each other differ first.
 *
 * @param {readonly HeldLog[]} logs
 */
function differences(logs) {
  return logs.slice(1).flatMap((one, index) => {
    const other = logs[index] ?? one;
    const [a, b] = [other, one].map(({ entries }) => entries.map(keyOf));
    const length = Math.max(a?.length ?? 0, b?.length ?? 0);
    const at = Array.from({ length }).findIndex((_, place) => a?.[place] !== b?.[place]);
    if (at === -1) return [];
    const said = [a, b].map((keys) => keys?.[at] ?? "no more");
    return [`nodes ${other.node} and ${one.node} differ: the one has ${said[0]}, the other ${said[1]}`];
  });
}

/** @param {LogEntry} entry */
function keyOf({ seq, clientId, timestamp, update }) {
  return `${update} of ${clientId}/${timestamp} at seq ${seq}`;
}

/** @param {readonly string[]} faults */
function shown(faults) {
  const more = faults.length - SHOWN;
  return more <= 0 ? faults : [...faults.slice(0, SHOWN), `and ${more} more like these`];
}
