// Safety rule 8: storage that has lost what it promised does not vote. Each node's storage has an id; peers
// record it on first contact, and ignore whoever comes with another one. And they know the last save that each has told of:
// storage that comes back without it is an older copy of itself, or has lost its end.
import { knows, meet, meetFormer } from "./epochs.js";
import { ignore } from "./ignored.js";
import type { Peer } from "./peers.js";
import type { AdmissionRefusal, Identity } from "./ports.js";
import { hasSeen, lastNumber, laterSave, type LastSave } from "./save-history.js";
import type { State } from "./state.js";
import { fromWire, isId, toWire } from "./wire.js";

/** Checks the store id on a message, and records it when it is the first one. */
export function checkStore(s: State, from: Peer, storeId: bigint): boolean {
  if (storeId === from.storeId) return true;
  if (storeId === 0n || from.storeId !== undefined) {
    ignore(s, "wrong_store", `message of node ${from.nodeId}, whose storage is not the one on record`);
    return false;
  }
  from.storeId = storeId;
  s.outbox.saveWanted = true;
  return true;
}

/** Whether every other voter's store id is durably on record here. */
export function knowsStores(s: State): boolean {
  for (const peer of s.peers.values()) if (peer.isVoter && !peer.storeDurable) return false;
  return true;
}

/** Whether every voter has been recorded by all others: from then on, rule 8 holds. */
export function storesRecorded(s: State): boolean {
  for (const peer of s.peers.values()) if (peer.isVoter && !peer.knowsStores) return false;
  return knowsStores(s);
}

/** Says so once. */
export function logStoresRecorded(s: State): void {
  if (s.storesLogged || !storesRecorded(s)) return;
  s.storesLogged = true;
  if (s.peers.size > 0) {
    s.settings.logger.info(
      "the storage of every voter is on record at all others; a lost one will be recognised",
    );
  }
}

/** What a message says of the save that it rests on. */
export function tellSave(s: State, number: number): { saveNumber: bigint; saveIncarnation: bigint } {
  return { saveNumber: toWire(number), saveIncarnation: s.saves.save(number).incarnation };
}

/** A message of a peer tells of its saves. */
export function noteSave(from: Peer, message: { saveNumber: bigint; saveIncarnation: bigint }): void {
  const number = fromWire(message.saveNumber, "save number");
  from.save = laterSave(from.save, { incarnation: message.saveIncarnation, number });
}

/** Decides about a peer that introduces itself. Undefined admits it. */
export function admit(s: State, introduction: Introduction): AdmissionRefusal | undefined {
  const { nodeId, storeId, incarnation, saveHistory, epochRecord, address = "" } = introduction;
  const { protocolVersion = 1, commandVersion = 0 } = introduction;
  meet(s, epochRecord);
  const peer = s.peers.get(nodeId) ?? s.strangers.get(nodeId) ?? meetFormer(s, nodeId, address);
  if (peer === undefined) return refuseStranger(s, nodeId);
  const used = s.membership.record.commandVersion;
  if (commandVersion < used) return refuseCommands(nodeId, commandVersion, used);
  if (peer.storeId === undefined || peer.storeId === storeId) {
    const { save } = peer;
    // A process that lives has seen all that it has made, and makes more while it introduces itself.
    if (save === undefined || save.incarnation === incarnation || hasSeen(saveHistory, save)) {
      peer.commandVersion = protocolVersion < commandVersionsSince ? 0 : commandVersion;
      return undefined;
    }
    return refuseOlder(s, peer, save, lastNumber(saveHistory));
  }
  ignore(s, "wrong_store", `node ${nodeId} introduced itself with storage that is not the one on record`);
  return {
    reason: "store",
    detail:
      `node ${s.settings.nodeId} knows node ${nodeId} with the storage ${hex(peer.storeId)}, not ${hex(storeId)}. ` +
      `Storage that was emptied, swapped or kept in memory has lost promises that the others rely on, so it must not ` +
      `vote. Start node ${nodeId} with its original data directory. ${howToReplace}`,
  };
}

/** Its state machine would meet commands that it does not know. */
function refuseCommands(nodeId: number, known: number, used: number): AdmissionRefusal {
  const detail =
    `the cluster uses version ${used} of the state machine's commands, node ${nodeId} ${knows(known)}; ` +
    `run a release there that knows version ${used}`;
  return { reason: "protocol_version", detail };
}

/** Who is no member, and does not know of a later epoch in which it is one. */
function refuseStranger(s: State, nodeId: number): AdmissionRefusal {
  const { members, epoch, record } = s.membership;
  const self = s.settings.nodeId;
  if (isId(nodeId) && nodeId !== self && nodeId < Number(record.nextNodeId)) {
    const detail =
      `node ${nodeId} was removed from the cluster; the members in epoch ${epoch} are ${members.join(", ")}. ` +
      `An id is never used again: to bring the machine back, add it under a new one, with an empty data directory`;
    return { reason: "removed", detail };
  }
  const detail = `node ${self} has no peer with id ${nodeId}; the members are ${members.join(", ")}`;
  return { reason: "node", detail };
}

/** What a peer says of itself before anything else. What is left out was not said. */
export type Introduction = Pick<Identity, "nodeId" | "storeId" | "incarnation" | "saveHistory"> &
  Partial<Pick<Identity, "epochRecord" | "address" | "protocolVersion" | "commandVersion">>;

/** The first version of the protocol between peers in which nodes say which commands they know. */
const commandVersionsSince = 2;

function refuseOlder(
  s: State,
  { nodeId, storeId }: Peer,
  { number: known }: LastSave,
  number: number,
): AdmissionRefusal {
  ignore(s, "older_store", `node ${nodeId} introduced itself with an older copy of its storage`);
  return {
    reason: "store",
    detail:
      `node ${s.settings.nodeId} knows of save ${known} of node ${nodeId}, which its storage ${hex(storeId ?? 0n)} has not seen; ` +
      `that ends with save ${number}. It is an older copy, or has lost its end, and with it promises that the others rely on, ` +
      `so it must not vote. Start node ${nodeId} with its latest data directory. ${howToReplace}`,
  };
}

const howToReplace =
  "If that is lost, so is the member: the cluster goes on without it as long as a majority is up. To replace the member, give the " +
  "machine a new id: paxos-client member replace OLD NEW HOST:PORT, then paxos-server --join MEMBER -i NEW with an empty data directory";

function hex(storeId: bigint): string {
  return storeId.toString(16).padStart(16, "0");
}
