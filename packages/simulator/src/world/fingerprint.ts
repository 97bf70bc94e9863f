import type { Message } from "@paxos/proto";
import { digestOf } from "../digest.js";

/** A digest of what a message says. */
export function fingerprint({ type }: Message): number {
  switch (type.case) {
    case "clientUpdate":
      return digestOf(type.value);
    case "proposal":
      return mix(Number(type.value.view), Number(type.value.seq), digestOfAll(type.value.updates));
    case "catchUpAnswer":
      return mix(Number(type.value.seq), Number(type.value.localAru), digestOfAll(type.value.updates));
    case "prepareOk":
      return type.value.dataList.reduce(
        (sum, message) => mix(sum, fingerprint(message), 0),
        mix(Number(type.value.view), Number(type.value.localAru), 7),
      );
    case "accept":
      return mix(Number(type.value.view), Number(type.value.seq), Number(type.value.localAru));
    case "heartbeat":
      return mix(Number(type.value.view), Number(type.value.localAru), Number(type.value.promisedView));
    case "viewChange":
      return mix(Number(type.value.attemptedView), Number(type.value.localAru), 1);
    case "viewChangeProof":
      return mix(Number(type.value.installedView), Number(type.value.hearsLeader), 2);
    case "prepare":
      return mix(Number(type.value.view), Number(type.value.localAru), 3);
    case "catchUpRequest":
      return mix(Number(type.value.seq), Number(type.value.maxBytes), 4);
    case "snapshotRequest":
      return mix(Number(type.value.seq), type.value.index, 8);
    case "snapshotChunk":
      return mix(Number(type.value.snapshot?.seq ?? 0n), type.value.index, digestOf(type.value.data));
    default:
      return mix(type.case?.length ?? 0, 0, 5);
  }
}

function digestOfAll(updates: readonly Uint8Array[]): number {
  return updates.reduce((sum, update) => mix(sum, digestOf(update), 6), updates.length);
}

function mix(a: number, b: number, c: number): number {
  return (Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d)) >>> 0;
}
