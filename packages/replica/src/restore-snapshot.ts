// A snapshot out of storage into the state machine.
import {
  ConfigError,
  type SessionBounds,
  type SnapshotId,
  type StateMachine,
  type Storage,
} from "@paxos/core";
import type { Snapshot } from "@paxos/proto";
import { decodeContent, type RestoredTables } from "./snapshot-content.js";

/**
 * Replaces the state machine's state by that of a snapshot that storage holds, and gives what else is in it.
 * @throws ConfigError when the state machine cannot be restored; whatever it, or storage, throws.
 */
export async function restoreSnapshot(
  snapshot: Snapshot,
  parts: {
    readonly storage: Pick<Storage, "readChunk">;
    readonly stateMachine: StateMachine;
    readonly sessionBounds: Partial<SessionBounds>;
  },
): Promise<RestoredTables> {
  const { storage, stateMachine, sessionBounds } = parts;
  if (stateMachine.restore === undefined) {
    throw new ConfigError(
      `the log begins behind the snapshot at seq ${snapshot.seq}, and this state machine has no restore to be given it; ` +
        "start this node with the state machine that the cluster runs",
    );
  }
  return decodeContent(readChunks(storage, snapshot), sessionBounds, (pieces) =>
    stateMachine.restore?.(pieces),
  );
}

async function* readChunks(
  storage: Pick<Storage, "readChunk">,
  snapshot: Snapshot,
): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < snapshot.chunks; index++)
    yield (await readChunk(storage, snapshot, index)).data;
}

/** A chunk of a snapshot that must be there. */
export async function readChunk(storage: Pick<Storage, "readChunk">, snapshot: SnapshotId, index: number) {
  const chunk = await storage.readChunk(snapshot, index);
  if (chunk === undefined)
    throw new Error(`storage lacks chunk ${index} of the snapshot at seq ${snapshot.seq}`);
  return chunk;
}
