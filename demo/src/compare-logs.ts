// What the nodes' logs must fulfil: one order everywhere, and in it every acknowledged update exactly once.
import type { Acknowledged } from "./client.js";
import { escapeControls } from "./fit.js";
import type { LogEntry } from "./log-entry.js";

/** A node's whole log. */
export interface NodeLog {
  readonly nodeId: number;
  readonly entries: readonly LogEntry[];
}

/** How many updates are named of each kind of fault. */
const NAMED = 3;

/** What differs between the logs, entry by entry: for each log the first difference to the one before it. */
export function compareLogs(logs: readonly NodeLog[]): string[] {
  return logs.slice(1).flatMap((log, index) => {
    const before = logs[index];
    const difference = before === undefined ? undefined : firstDifference(before, log);
    return difference === undefined ? [] : [difference];
  });
}

function firstDifference(a: NodeLog, b: NodeLog): string | undefined {
  const length = Math.max(a.entries.length, b.entries.length);
  for (let index = 0; index < length; index++) {
    const left = a.entries[index];
    const right = b.entries[index];
    if (left !== undefined && right !== undefined && sameEntry(left, right)) continue;
    return (
      `nodes ${a.nodeId} and ${b.nodeId} differ after ${index} equal entries: ` +
      `node ${a.nodeId} has ${describeEntry(left)}, node ${b.nodeId} has ${describeEntry(right)}`
    );
  }
  return undefined;
}

function sameEntry(a: LogEntry, b: LogEntry): boolean {
  return (
    a.seq === b.seq &&
    a.clientId === b.clientId &&
    a.timestamp === b.timestamp &&
    a.enteredAt === b.enteredAt &&
    a.duplicate === b.duplicate &&
    Buffer.compare(a.update, b.update) === 0
  );
}

function describeEntry(entry: LogEntry | undefined): string {
  if (entry === undefined) return "no more";
  const again = entry.duplicate ? " (ordered again)" : "";
  return `seq ${entry.seq} ${quote(entry.update)}${again} of client ${entry.clientId}`;
}

/** What is wrong in one log: acknowledged updates that are not in it exactly once, where they were said to be. */
export function checkAcknowledged(log: NodeLog, acknowledged: readonly Acknowledged[]): string[] {
  const executions = new Map<string, LogEntry[]>();
  for (const entry of log.entries) {
    if (entry.duplicate) continue;
    const earlier = executions.get(keyOf(entry));
    if (earlier === undefined) executions.set(keyOf(entry), [entry]);
    else earlier.push(entry);
  }
  const missing: string[] = [];
  const repeated: string[] = [];
  const moved: string[] = [];
  for (const update of acknowledged) {
    const [entry, ...more] = executions.get(keyOf(update)) ?? [];
    executions.delete(keyOf(update));
    const name = `${quote(update.update)} (acknowledged as seq ${update.seq})`;
    if (entry === undefined) missing.push(name);
    else if (more.length > 0) repeated.push(`${name}: seqs ${[entry, ...more].map(({ seq }) => seq).join()}`);
    else if (entry.seq !== update.seq) moved.push(`${name}: seq ${entry.seq}`);
    else if (Buffer.compare(entry.update, update.update) !== 0) moved.push(`${name}: ${quote(entry.update)}`);
  }
  const unknown = [...executions.values()].flat().map(describeEntry);
  return [
    ...fault(log, "lacks acknowledged updates", missing),
    ...fault(log, "has executed updates more than once", repeated),
    ...fault(log, "has something else than was acknowledged", moved),
    ...fault(log, "has updates that nobody sent", unknown),
  ];
}

function fault({ nodeId }: NodeLog, what: string, found: readonly string[]): string[] {
  if (found.length === 0) return [];
  const rest = found.length > NAMED ? `; and ${found.length - NAMED} more` : "";
  return [`node ${nodeId} ${what}: ${found.slice(0, NAMED).join("; ")}${rest}`];
}

function keyOf({ clientId, timestamp }: Pick<LogEntry, "clientId" | "timestamp">): string {
  return `${clientId}/${timestamp}`;
}

function quote(update: Uint8Array): string {
  return `"${escapeControls(Buffer.from(update).toString("utf8"))}"`;
}
