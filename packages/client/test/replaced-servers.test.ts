// A client of real replicas, which are replaced one after the other.
import { afterEach, expect, test } from "@jest/globals";
import { firstEpoch } from "@paxos/core";
import type { Replica } from "@paxos/replica";
import { ConnectClientTransport } from "@paxos/transport-connect";
import { connect, type MembershipChangeInit } from "../src/index.js";
import { freeAddresses, startCounter } from "./counter-replica.js";

const replicas: Replica[] = [];

afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
});

test("all servers that were given are replaced, each update is executed once, and leadership is handed over", async () => {
  const addresses = await freeAddresses(6);
  const given = addresses.slice(0, 3);
  const epochRecord = firstEpoch(given);
  for (const [nodeId] of given.entries()) replicas.push(await startCounter(nodeId, { epochRecord }));
  await using client = connect({ servers: given, transport: new ConnectClientTransport() });
  let sum = 0;
  const count = async (): Promise<void> => {
    expect((await client.submit(Uint8Array.of(1))).result[0]).toBe(++sum);
  };
  const change = async (type: NonNullable<MembershipChangeInit["type"]>): Promise<void> => {
    await client.changeMembership({ type }, { signal: AbortSignal.timeout(20_000) });
  };
  await count();
  for (const [leaves, comes] of [
    [0, 3],
    [1, 4],
    [2, 5],
  ] as const) {
    const address = addresses[comes] ?? "";
    await change({ case: "addLearner", value: { nodeId: BigInt(comes), address } });
    replicas.push(await startCounter(comes, await client.members()));
    await untilLevel();
    await count();
    await change({ case: "replace", value: { leaves: BigInt(leaves), comes: BigInt(comes), address: "" } });
    await count();
    await replicas[leaves]?.close();
    await count();
  }
  const { epochRecord: last, leaderId } = await client.members();
  expect(last).toMatchObject({ epoch: 6n, voters: [{ nodeId: 3n }, { nodeId: 4n }, { nodeId: 5n }] });
  const to = [3n, 4n, 5n].find((nodeId) => nodeId !== leaderId);
  const signal = AbortSignal.timeout(20_000);
  expect(await client.transferLeadership(to, { signal })).toEqual({ from: leaderId, to });
  await count();

  /** Until the latest replica has applied what has been counted. */
  async function untilLevel(): Promise<void> {
    const [first, latest] = [replicas[replicas.length - 2], replicas.at(-1)];
    while (latest?.status().localAru !== first?.status().localAru)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }
}, 90_000);
