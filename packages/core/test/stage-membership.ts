// The commands of transcripts that are about who belongs to the cluster.
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { EpochRecordSchema, MembershipChangeSchema, SaveHistorySchema } from "@paxos/proto";
import type { ChangeResult } from "../src/change.js";
import type { AdmissionRefusal } from "../src/ports.js";
import type { Stage } from "./stage.js";
import { describeMembers } from "./stage-text.js";
import { integer, UsageError, type Words } from "./stage-words.js";

type ChangeType = NonNullable<MessageInitShape<typeof MembershipChangeSchema>["type"]>;

export const changeUsage =
  "NODE [force] [id=N] [epoch=N] add ID | promote ID | demote ID | remove ID | replace OLD NEW | set VOTERS [LEARNERS]";

/** Asks a node for a membership change, and tells what it answers. */
export function change(stage: Stage, [node = "", ...words]: Words): void {
  const named = /^(id|epoch)=(\d+)$/;
  const options = words.filter((word) => word === "force" || named.test(word));
  const numbers = new Map(options.map((word) => named.exec(word)).map((found) => [found?.[1], found?.[2]]));
  const [id, epoch] = [numbers.get("id"), numbers.get("epoch")];
  const wanted = create(MembershipChangeSchema, {
    force: options.includes("force"),
    ...(id !== undefined && { changeId: BigInt(id) }),
    ...(epoch !== undefined && { epoch: BigInt(epoch) }),
    type: changeType(words.filter((word) => !options.includes(word))),
  });
  const result = stage.cluster.member(integer(node)).node?.changeMembership(wanted);
  if (result === undefined) throw new Error(`node ${node} is down`);
  stage.say(`${node} answers ${describeResult(result)}`);
  stage.cluster.pump(integer(node));
}

function changeType([what = "", ...words]: Words): ChangeType {
  const member = (id: number) => ({ nodeId: BigInt(id), address: addressOf(id) });
  const nodeId = (at: number): number => integer(words[at] ?? "");
  switch (what) {
    case "add":
      return { case: "addLearner", value: member(nodeId(0)) };
    case "promote":
    case "demote":
    case "remove":
      return { case: what, value: BigInt(nodeId(0)) };
    case "replace": {
      const [leaves, comes] = [nodeId(0), nodeId(1)];
      return {
        case: what,
        value: { leaves: BigInt(leaves), comes: BigInt(comes), address: addressOf(comes) },
      };
    }
    case "set": {
      const [voters = "", learners] = words;
      const list = (ids: string) => ids.split("+").map((word) => member(integer(word)));
      return {
        case: "setMembers",
        value: { voters: list(voters), learners: learners === undefined ? [] : list(learners) },
      };
    }
    default:
      throw new UsageError(`"${what}" is no change`);
  }
}

function describeResult(result: ChangeResult): string {
  switch (result.kind) {
    case "proposed":
    case "made":
      return `${result.kind}: epoch ${result.epoch}`;
    case "not_leader":
      return `that it does not lead; leader ${result.leader ?? "none"}`;
    case "refused":
      return `refused (${result.reason}): ${result.detail}`;
  }
}

/** Where a node is reached. */
function addressOf(id: number): string {
  return `node-${id}:2346`;
}

/** A new node asks a member for the membership, starts with it, and meets all others. */
export function join(stage: Stage, [node = "", member = ""]: Words): void {
  const record = stage.cluster.member(integer(member)).node?.epochRecord;
  if (record === undefined) throw new Error(`node ${member} is down`);
  stage.cluster.join(integer(node), record);
  for (const { id } of stage.cluster.up) if (id !== integer(node)) meetEachOther(stage, id, integer(node));
}

/** These nodes, or all that are up, have new connections to each other. Only refusals are told. */
export function meet(stage: Stage, words: Words): void {
  const ids = stage.members(words.map(integer)).map(({ id }) => id);
  ids.forEach((a, i) => ids.slice(i + 1).forEach((b) => meetEachOther(stage, a, b)));
}

function meetEachOther(stage: Stage, a: number, b: number): void {
  for (const [node, peer] of [
    [a, b],
    [b, a],
  ] as const) {
    const refusal = introduce(stage, node, peer);
    if (refusal === undefined) continue;
    sayRefusal(stage, node, peer, refusal);
    if (refusal.reason !== "removed") continue;
    stage.say(`${peer} stops`);
    stage.cluster.crash(peer);
    return;
  }
}

/** The driver's question to a node before it listens to a peer. */
export function admit(stage: Stage, [node = "", peer = ""]: Words): void {
  const refusal = introduce(stage, integer(node), integer(peer));
  if (refusal === undefined) stage.say(`${node} admits ${peer}`);
  else sayRefusal(stage, integer(node), integer(peer), refusal);
}

function sayRefusal(stage: Stage, node: number, peer: number, { reason, detail }: AdmissionRefusal): void {
  stage.say(`${node} refuses ${peer} (${reason}): ${detail}`);
}

/** A peer introduces itself to a node, as a new process would. */
function introduce(stage: Stage, node: number, peer: number): AdmissionRefusal | undefined {
  const { disk, node: caller, record } = stage.cluster.member(peer);
  const { storeId, state } = disk;
  const epochRecord = caller?.epochRecord ?? state?.epochRecord ?? record;
  const refusal = stage.cluster.member(node).node?.admit({
    nodeId: peer,
    storeId,
    incarnation: BigInt(stage.cluster.starts + 1),
    saveHistory: toBinary(SaveHistorySchema, state?.saveHistory ?? create(SaveHistorySchema)),
    address: addressOf(peer),
    ...(epochRecord && { epochRecord: toBinary(EpochRecordSchema, epochRecord) }),
  });
  stage.cluster.pump(node);
  return refusal;
}

/** Shows the epoch that nodes are in. */
export function members(stage: Stage, words: Words): void {
  for (const { id, node } of stage.members(words.map(integer))) {
    if (node === undefined) throw new Error(`node ${id} is down`);
    stage.say(`${id}: ${describeMembers(node.epochRecord)}`);
  }
}
