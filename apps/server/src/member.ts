// A member, as it is started: the one place where its parts are put together.
import type { Logger } from "@paxos/core";

import type { Environment, RunningReplica } from "./environment.js";
import type { ServeFlags } from "./flags.js";
import type { StartingPoint } from "./starting-point.js";
import type { StateMachineFactory } from "./state-machine-module.js";

/** How long a lease binds voters: half of the time after which they would look for another leader. 300 ms. */
const leaseTicks = 30;

export interface Member {
  readonly flags: ServeFlags;
  readonly start: StartingPoint;
  readonly createStateMachine: StateMachineFactory;
  readonly logger: Logger;
  readonly environment: Environment;
}

/** Starts it on fresh handles, with a fresh state machine. Rejects with what must be put right first; then nothing is left open. */
export async function startMember(member: Member): Promise<RunningReplica> {
  const { flags, start, createStateMachine, logger, environment } = member;
  const stateMachine = await createStateMachine();
  const storage = environment.createStorage(start.directory);
  const transport = environment.createTransport(flags.transport, logger);
  try {
    return await environment.startReplica({
      nodeId: start.nodeId,
      ...(start.epochRecord && { epochRecord: start.epochRecord }),
      ...(start.clusterId && { clusterId: start.clusterId }),
      ...(flags.listen !== undefined && { listen: flags.listen }),
      stateMachine,
      storage,
      transport,
      clientListener: transport,
      logger,
      snapshots: flags.snapshots,
      onStorageFailure: flags.onStorageFailure === "wait" ? "stay" : "stop",
      saveTimeoutMs: flags.saveTimeoutMs,
      ...(flags.readLease && { tuning: { leaseTicks } }),
    });
  } catch (error) {
    await transport.close();
    await storage.close();
    throw error;
  }
}
