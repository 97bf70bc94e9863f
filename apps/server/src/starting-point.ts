// What a member begins with: a hostfile that founds a cluster, a cluster that it joins, or what it has on record already.
import { resolve } from "node:path";

import { ConfigError, membersOf, RequestError } from "@paxos/core";
import type { EpochRecord, MembersResponse } from "@paxos/proto";

import { dataDirectory, holdsStore } from "./data-directory.js";
import type { Environment } from "./environment.js";
import type { ServeFlags } from "./flags.js";
import { readMembership } from "./membership.js";

export interface StartingPoint {
  readonly nodeId: number;
  /** The membership to begin with; undefined when the storage must know. */
  readonly epochRecord?: EpochRecord;
  /** Of the cluster that is joined. */
  readonly clusterId?: Uint8Array;
  /** Undefined: in memory. */
  readonly directory: string | undefined;
  /** Whom it will try to reach, as far as that is known before the start. */
  readonly peers: readonly string[];
}

/** How long the cluster that is to be joined may take to answer. */
const ANSWER_MS = 10_000;

/** Rejects with a ConfigError. */
export async function findStartingPoint(flags: ServeFlags, environment: Environment): Promise<StartingPoint> {
  if (flags.join !== undefined) return joinCluster(flags, flags.join, environment);
  const { id, dataDir, inMemory, hostfileGiven } = flags;
  try {
    const membership = await readMembership(flags, environment.probe);
    const { self, peers, epochRecord } = membership;
    return {
      nodeId: self.nodeId,
      epochRecord,
      directory: inMemory ? undefined : dataDirectory(flags, membership, environment),
      peers: peers.map(({ address }) => address),
    };
  } catch (error) {
    // A member that joined later is in no hostfile, and one that has its data needs none.
    const mayKnow =
      error instanceof ConfigError && id !== undefined && dataDir !== undefined && !hostfileGiven;
    if (!mayKnow || !(await holdsStore(dataDir))) throw error;
    return { nodeId: id, directory: resolve(dataDir), peers: [] };
  }
}

async function joinCluster(
  flags: ServeFlags,
  address: string,
  environment: Environment,
): Promise<StartingPoint> {
  const { id, dataDir } = flags;
  if (id === undefined) throw new ConfigError("--join needs --id: the id that the member was added under");
  if (dataDir === undefined)
    throw new ConfigError("--join needs --data-dir: the directory of the new member");
  const directory = resolve(dataDir);
  let members: MembersResponse;
  try {
    members = await askMembers(flags, address, environment);
  } catch (error) {
    // A member that has joined before knows all it needs, whoever is down by now.
    if (await holdsStore(directory)) return { nodeId: id, directory, peers: [] };
    const why = error instanceof RequestError ? error.message : String(error);
    throw new ConfigError(
      `cannot join: ${address} does not tell who belongs to its cluster: ${why}; name a member that is up, with the cluster's --transport`,
    );
  }
  const { epochRecord, clusterId } = members;
  const known = epochRecord === undefined ? [] : membersOf(epochRecord);
  if (epochRecord === undefined || !known.some(({ nodeId }) => nodeId === BigInt(id))) {
    if (await holdsStore(directory)) return { nodeId: id, directory, peers: [] };
    const list = known.map(({ nodeId }) => nodeId).join(", ");
    throw new ConfigError(
      `node ${id} is no member of the cluster of ${address}, whose members are ${list}; add it first: paxos-client member add ${id} HOST:PORT`,
    );
  }
  const peers = known.filter(({ nodeId }) => nodeId !== BigInt(id)).map((member) => member.address);
  return { nodeId: id, epochRecord, clusterId, directory, peers };
}

async function askMembers(
  { transport }: ServeFlags,
  address: string,
  environment: Environment,
): Promise<MembersResponse> {
  const client = environment.createClientTransport(transport);
  try {
    const { signal } = environment.interrupt;
    return await client.members(address, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]));
  } finally {
    await client.close();
  }
}
