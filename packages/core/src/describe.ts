// Messages as text, for the verbose log and for transcripts.
import {
  RefusalReason,
  type EpochRecord,
  type Heartbeat,
  type Member,
  type Message,
  type Proposal,
} from "@paxos/proto";
import { readUpdate } from "./read-update.js";
import { readStopSign } from "./stop-sign.js";

/** One line that says what a message says: sender, receiver, content. */
export function describeMessage(message: Message): string {
  return `${message.from}->${message.to} ${describeContent(message.type)}`;
}

function describeContent(type: Message["type"]): string {
  switch (type.case) {
    case "viewChange":
      return `ViewChange view=${type.value.attemptedView} aru=${type.value.localAru}${flag("quorum", type.value.hearsQuorum)}`;
    case "viewChangeProof":
      return `ViewChangeProof view=${type.value.installedView}${flag("hears-leader", type.value.hearsLeader)}`;
    case "prepare":
      return `Prepare view=${type.value.view} aru=${type.value.localAru}`;
    case "prepareOk": {
      const { view, localAru, dataList } = type.value;
      const data = dataList.map((data) =>
        data.type.case === "proposal" ? describeRun(data.type.value) : "?",
      );
      return `PrepareOK view=${view} aru=${localAru} [${data.join(" ")}]`;
    }
    case "proposal":
      return `Proposal ${describeRun(type.value)}`;
    case "accept":
      return `Accept view=${type.value.view} seq=${type.value.seq} aru=${type.value.localAru}`;
    case "globallyOrderedUpdate":
      return `GloballyOrderedUpdate seq=${type.value.seq}`;
    case "clientUpdate":
      return `ClientUpdate ${describeUpdate(type.value)}`;
    case "heartbeat":
      return `Heartbeat ${describeHeartbeat(type.value)}`;
    case "catchUpRequest":
      return `CatchUpRequest seq=${type.value.seq}`;
    case "catchUpAnswer": {
      const { seq, updates, localAru } = type.value;
      return `CatchUpAnswer seq=${seq} updates=${updates.length} aru=${localAru}`;
    }
    case "snapshotRequest":
      return `SnapshotRequest seq=${type.value.seq} chunk=${type.value.index}`;
    case "snapshotChunk": {
      const { snapshot, index, data, localAru } = type.value;
      return snapshot === undefined
        ? `SnapshotChunk none aru=${localAru}`
        : `SnapshotChunk seq=${snapshot.seq} chunk=${index} of ${snapshot.chunks}, ${data.length} bytes, aru=${localAru}`;
    }
    case "leaderTransfer":
      return `LeaderTransfer view=${type.value.view} next=${type.value.nextView}`;
    case "readIndexRequest":
      return `ReadIndexRequest number=${type.value.number}`;
    case "readIndexAnswer":
      return `ReadIndexAnswer number=${type.value.number} seq=${type.value.seq}`;
    case "confirmView":
      return `ConfirmView view=${type.value.view} round=${type.value.round}`;
    case "viewConfirmed":
      return `ViewConfirmed view=${type.value.view} round=${type.value.round}`;
    case "updateRefusal":
      return `UpdateRefusal ${type.value.clientId}/${type.value.timestamp} ${RefusalReason[type.value.reason]}`;
    case undefined:
      return "nothing";
  }
}

function describeHeartbeat(heartbeat: Heartbeat): string {
  const { view, localAru, promisedView, acceptedSeq, leading, preparing, hearsQuorum } = heartbeat;
  const flags = flag("leads", leading) + flag("prepares", preparing) + flag("quorum", hearsQuorum);
  return `view=${view} aru=${localAru} promised=${promisedView} accepted=${acceptedSeq}${flags}`;
}

function describeRun({ view, seq, updates }: Proposal): string {
  return `view=${view} seq=${seq} {${updates.map(describeUpdate).join(", ")}}`;
}

/** An encoded update as `client/timestamp "text"`; a no-op as `noop`. */
export function describeUpdate(bytes: Uint8Array): string {
  const fields = readUpdate(bytes);
  if (fields === undefined) return `${bytes.length} bytes that are no update`;
  const { clientId, timestamp, update } = fields;
  const next = readStopSign(bytes);
  if (next !== undefined) return describeStopSign(next);
  return clientId === 0n ? "noop" : `${clientId}/${timestamp} ${printable(update)}`;
}

function describeStopSign({ epoch, voters, learners }: EpochRecord): string {
  const list = (members: readonly Member[]) => members.map(({ nodeId }) => nodeId).join("+");
  return `stop sign: epoch ${epoch} of ${list(voters)}${learners.length > 0 ? `, learning ${list(learners)}` : ""}`;
}

function printable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, 24)) {
    text +=
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "\\x" + byte.toString(16).padStart(2, "0");
  }
  return `"${text}"${bytes.length > 24 ? `... (${bytes.length} bytes)` : ""}`;
}

function flag(name: string, set: boolean): string {
  return set ? ` ${name}` : "";
}
