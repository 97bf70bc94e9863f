import { sizeDelimitedPeek } from "@bufbuild/protobuf/wire";
import type { Snapshot } from "@paxos/proto";
import { digestOf } from "../digest.js";
import type { Checker, Report } from "./checker.js";

/**
 * The table of sessions is part of the replicated state (safety rule 6): in snapshots at one seq it is the same, whoever has
 * taken them.
 */
export class StoredSessions implements Checker {
  /** By seq, a digest of the sessions, as first seen anywhere. */
  readonly #seen = new Map<bigint, { readonly digest: number; readonly nodeId: number }>();

  constructor(private readonly report: Report) {}

  snapshotHeld(nodeId: number, { seq }: Snapshot, content: Uint8Array): void {
    const digest = digestOf(sessionsOf(content));
    const known = this.#seen.get(seq);
    if (known === undefined) this.#seen.set(seq, { digest, nodeId });
    else if (known.digest !== digest)
      this.report(`at seq ${seq} the sessions of node ${nodeId} are not those of node ${known.nodeId}`);
  }
}

/** What a part that is a session begins with: field 1, with its length. */
const sessionTag = 0x0a;

/** The bytes of the parts that are sessions. They come first. */
function sessionsOf(content: Uint8Array): Uint8Array {
  let at = 0;
  while (at < content.length) {
    const { size, offset } = sizeDelimitedPeek(content.subarray(at));
    if (size === null) break;
    const end = at + offset + size;
    if (content[at + offset] !== sessionTag) break;
    at = end;
  }
  return content.subarray(0, at);
}
