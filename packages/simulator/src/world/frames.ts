// What a disk holds, as bytes: records behind their length and checksum, so that a torn end is recognised.
import { fromBinary, toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { Save } from "@paxos/core";
import { PersistentStateSchema, SnapshotSchema, StoredRunSchema } from "@paxos/proto";
import { digestOf } from "../digest.js";

/** What of a save is kept. */
export type SavedContent = Pick<Save, "state" | "runs" | "install">;

export function copy<T extends DescMessage>(schema: T, message: MessageShape<T>): MessageShape<T> {
  return fromBinary(schema, toBinary(schema, message));
}

export function copyOf(save: Save): Save {
  const runs = save.runs.map((run) => copy(StoredRunSchema, run));
  const install = save.install && { install: copy(SnapshotSchema, save.install) };
  return { ...save, state: copy(PersistentStateSchema, save.state), runs, ...install };
}

/** A save as it stands on the disk. Its state comes last, and stands for the whole of it. */
export function bytesOf({ runs, install, state }: SavedContent): Uint8Array {
  return concatenate([
    ...runs.map((run) => seal(toBinary(StoredRunSchema, run))),
    ...(install === undefined ? [] : [seal(toBinary(SnapshotSchema, install))]),
    seal(toBinary(PersistentStateSchema, state)),
  ]);
}

/** The save that these bytes hold; undefined when they do not hold all of it. */
export function recover(bytes: Uint8Array, written: SavedContent): SavedContent | undefined {
  const records = written.runs.length + (written.install === undefined ? 1 : 2);
  const contents: Uint8Array[] = [];
  for (let rest = bytes; contents.length < records;) {
    const content = unseal(rest);
    if (content === undefined) return undefined;
    contents.push(content);
    rest = rest.subarray(content.length + sealBytes);
  }
  const state = fromBinary(PersistentStateSchema, contents.pop() as Uint8Array);
  const install = written.install && { install: fromBinary(SnapshotSchema, contents.pop() as Uint8Array) };
  return { runs: contents.map((content) => fromBinary(StoredRunSchema, content)), state, ...install };
}

const sealBytes = 8;

/** The content behind its length and checksum. */
function seal(content: Uint8Array): Uint8Array {
  const frame = new Uint8Array(content.length + sealBytes);
  const view = new DataView(frame.buffer);
  view.setUint32(0, content.length);
  view.setUint32(4, digestOf(content));
  frame.set(content, sealBytes);
  return frame;
}

/** The content of the frame that these bytes begin with; undefined when it is not whole. */
function unseal(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < sealBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const content = bytes.subarray(sealBytes, sealBytes + view.getUint32(0));
  const whole = content.length === view.getUint32(0) && digestOf(content) === view.getUint32(4);
  return whole ? content : undefined;
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
