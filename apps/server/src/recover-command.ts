// paxos-server recover: a new cluster out of one survivor, after a majority of the old one was lost for good.
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";

import { ConfigError, type Recovery, membersOf, recoverAlone } from "@paxos/core";

import { holdsStore } from "./data-directory.js";
import type { Environment } from "./environment.js";
import { CommandError, DONE } from "./exit-status.js";
import type { RecoverFlags } from "./flags.js";

const CLUSTER_ID_BYTES = 16;

/** Resolves with the exit status. Nothing is changed before the confirmation, and everything at once after it. */
export async function recover({ dataDir }: RecoverFlags, environment: Environment): Promise<number> {
  const directory = resolve(dataDir);
  if (!(await holdsStore(directory))) {
    throw new ConfigError(
      `${directory} holds no member's data; name the data directory of the survivor, which must be stopped`,
    );
  }
  const storage = environment.createStorage(directory);
  try {
    const recovery = recoverAlone(await storage.load(), {
      clusterId: new Uint8Array(randomBytes(CLUSTER_ID_BYTES)),
      incarnation: randomBytes(8).readBigUInt64LE(),
    });
    environment.writeLog(describeLoss(recovery));
    await confirm(confirmationFor(recovery), environment);
    await storage.save(recovery.save);
    environment.writeOutput(describeCluster(recovery, directory));
    return DONE;
  } finally {
    await storage.close();
  }
}

/** What is to be typed: nobody types it who has not read which node this is, and where it ends. */
function confirmationFor({ nodeId, keptUpTo }: Recovery): string {
  return `node ${nodeId} alone up to seq ${keptUpTo}`;
}

async function confirm(expected: string, environment: Environment): Promise<void> {
  environment.writeLog(`To go on, type: ${expected}\n> `);
  const typed = await environment.readLine();
  if (typed === undefined) throw new CommandError("not confirmed: nothing was changed");
  if (typed.trim() !== expected)
    throw new CommandError(`not confirmed: that is not "${expected}"; nothing was changed`);
}

function describeLoss(recovery: Recovery): string {
  const { nodeId, before, orderedUpTo, keptUpTo, dropsChange } = recovery;
  const wasMember = membersOf(before).some(({ nodeId: id }) => id === BigInt(nodeId));
  const others = membersOf(before).filter(({ nodeId: id }) => id !== BigInt(nodeId));
  const list = others.map(({ nodeId: id, address }) => `${id} (${address})`).join(", ");
  const unsure = keptUpTo - orderedUpTo;
  return [
    `WARNING: this makes node ${nodeId} a new cluster of its own. It is for when a majority of the members was lost for good.`,
    "",
    `  the old cluster        epoch ${before.epoch}; other members: ${list === "" ? "none" : list}`,
    `  kept                   everything that this node knows as ordered: up to seq ${orderedUpTo}`,
    ...(unsure > 0
      ? [
          `  kept, perhaps unasked  seqs ${orderedUpTo + 1} to ${keptUpTo}, which it has accepted: they may have been acknowledged, or not`,
        ]
      : []),
    `  LOST                   whatever the old cluster has ordered above seq ${keptUpTo}, though clients may have got answers`,
    ...(dropsChange
      ? [
          "  LOST                   a membership change that was under way, and all that may have been ordered after it",
        ]
      : []),
    ...(wasMember
      ? []
      : [
          `  NOTE                   this node was removed in epoch ${before.epoch}, and may know nothing since`,
        ]),
    "",
    "If other members survive, look at each (paxos-server inspect) and recover the one whose log reaches furthest. Recover only one:",
    "two would go on as two clusters, each with a truth of its own. Do not start the others on their data directories again: the new",
    "cluster refuses them, but as long as a majority of the old one could come back, it would go on beside the new one.",
    "",
    "",
  ].join("\n");
}

function describeCluster({ nodeId, address, epochRecord }: Recovery, directory: string): string {
  const next = epochRecord.nextNodeId;
  return `node ${nodeId} is a new cluster, in epoch ${epochRecord.epoch}. Start it, at ${address}, with
  paxos-server -i ${nodeId} --data-dir ${directory}
Give its clients a hostfile with that one line, and add members, each under a new id and with an empty data directory:
  paxos-client member add ${next} HOST:PORT
  paxos-server --join ${address} -i ${next} --data-dir NEW_DIR
  paxos-client member promote ${next}
`;
}
