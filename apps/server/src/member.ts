// A member, as it is started: the one place where its parts are put together.
import type { Logger } from "@paxos/core";

import { discard } from "./discard.js";
import type { Environment, RunningReplica } from "./environment.js";
import type { ServeFlags } from "./flags.js";
import type { Membership } from "./membership.js";

export interface Member {
  readonly flags: ServeFlags;
  readonly membership: Membership;
  /** Undefined: in memory. */
  readonly directory: string | undefined;
  readonly logger: Logger;
  readonly environment: Environment;
}

/** Starts it on fresh handles. Rejects with what must be put right first; then nothing is left open. */
export async function startMember(member: Member): Promise<RunningReplica> {
  const { flags, membership, directory, logger, environment } = member;
  const storage = environment.createStorage(directory);
  const transport = environment.createTransport(flags.transport, logger);
  try {
    return await environment.startReplica({
      nodeId: membership.self.nodeId,
      epochRecord: membership.epochRecord,
      stateMachine: discard,
      storage,
      transport,
      clientListener: transport,
      logger,
      snapshots: flags.snapshots,
      onStorageFailure: flags.onStorageFailure === "wait" ? "stay" : "stop",
      saveTimeoutMs: flags.saveTimeoutMs,
    });
  } catch (error) {
    await transport.close();
    await storage.close();
    throw error;
  }
}
