// Stop signs: the ordered updates that end an epoch and say who belongs to the next one.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  encodeClientUpdate,
  EpochRecordSchema,
  UpdateKind,
  type ClientUpdateFields,
  type EpochRecord,
} from "@paxos/proto";
import { Membership } from "./membership.js";
import { readUpdate } from "./read-update.js";

/** A stop sign as an update. Its client id is 0, which no client has. */
export function encodeStopSign(next: EpochRecord): Uint8Array {
  const update = toBinary(EpochRecordSchema, next);
  return encodeClientUpdate({ clientId: 0n, nodeId: 0n, timestamp: 0n, update, kind: UpdateKind.STOP_SIGN });
}

/** The first byte of every update of a client: the tag of its id, which is not 0. */
const clientIdTag = 0x08;

/** The record of the next epoch, if this update is a stop sign. Costs one comparison for what is none. */
export function readStopSign(update: Uint8Array): EpochRecord | undefined {
  if (update.length === 0 || update[0] === clientIdTag) return undefined;
  const fields = readUpdate(update);
  return fields && nextEpochIn(fields);
}

/** The same for an update that is decoded already. */
export function nextEpochIn({
  clientId,
  kind,
  update,
}: Pick<ClientUpdateFields, "clientId" | "kind" | "update">): EpochRecord | undefined {
  if (clientId !== 0n || kind !== UpdateKind.STOP_SIGN) return undefined;
  try {
    return new Membership(fromBinary(EpochRecordSchema, update)).record;
  } catch {
    // What says nothing that makes sense is a no-op, on every node alike.
    return undefined;
  }
}
