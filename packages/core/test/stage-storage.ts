// The commands of transcripts that are about disks and snapshots.
import { MemoryDisk } from "./memory-disk.js";
import type { Stage } from "./stage.js";
import { integer, need, type Words } from "./stage-words.js";

/** Nodes that are down get new disks. */
export function loseDisk(stage: Stage, words: Words): void {
  for (const member of stage.members(need(words).map(integer))) {
    if (member.node !== undefined) throw new Error(`node ${member.id} is up`);
    member.disk = new MemoryDisk(member.disk.storeId + 1000n);
    stage.forgetSaves(member.id);
  }
}

/** A copy of a node's disk is put aside. */
export function copyDisk(stage: Stage, [node = ""]: Words): void {
  stage.copies.set(integer(node), stage.cluster.member(integer(node)).disk.copy());
}

/** The copy takes the place of the disk. */
export function putCopyBack(stage: Stage, [node = ""]: Words): void {
  const copy = stage.copies.get(integer(node));
  if (copy === undefined) throw new Error(`no copy of the disk of node ${node}`);
  stage.cluster.member(integer(node)).disk = copy;
  stage.forgetSaves(integer(node));
}

/** The save under way fails, or the next one does. */
export function failDisk(stage: Stage, words: Words): void {
  for (const { id, node } of stage.members(need(words).map(integer))) {
    node?.storageFailed();
    stage.cluster.pump(id);
  }
}

/** Nodes take snapshots of what they know durably as ordered. */
export function takeSnapshot(stage: Stage, words: Words): void {
  for (const { id } of stage.members(need(words).map(integer))) {
    if (!stage.cluster.takeSnapshot(id)) throw new Error(`node ${id} has nothing new for a snapshot`);
    stage.say(`${id} takes snapshot ${stage.cluster.status(id).snapshot?.seq}`);
  }
}

/** A node drops its log below its latest snapshot, less a tail, and less what peers still need. */
export function compact(stage: Stage, [node = "", tail = "0"]: Words): void {
  stage.cluster.compact(integer(node), integer(tail));
  stage.say(`${node} keeps its log from ${stage.cluster.member(integer(node)).disk.firstSeq} on`);
}
