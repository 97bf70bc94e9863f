// Real processes whose cluster changes under load until not one of them is left of those that founded it.
import { expect, jest, test } from "@jest/globals";

import { type Client, connect } from "@paxos/client";
import { type MembersResponse } from "@paxos/proto";

import { withCluster } from "./cluster.js";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { addressOf, patient } from "./hosts.js";
import { newClientTransport } from "./transport.js";
import { until } from "./until.js";

jest.setTimeout(patient(240_000));

const IN_FLIGHT = 16;

/** Keeps updates under way, and notes what was acknowledged. */
class Load {
  readonly acknowledged = new Map<string, number>();
  #stopped = false;
  readonly #done: Promise<unknown>;

  constructor(client: Client) {
    this.#done = Promise.all(
      Array.from({ length: IN_FLIGHT }, async (_, slot) => {
        for (let n = 0; !this.#stopped; n++) {
          const update = `${slot}-${n}`;
          const { seq } = await client.submit(Buffer.from(update), { timeoutMs: Infinity });
          this.acknowledged.set(update, seq);
        }
      }),
    );
  }

  /** Waits until more has been acknowledged. */
  async goesOn(): Promise<void> {
    const before = this.acknowledged.size;
    await until("updates are acknowledged", async () => this.acknowledged.size > before + IN_FLIGHT);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }
}

const voters = ({ epochRecord }: MembersResponse) => epochRecord?.voters.map(({ nodeId }) => Number(nodeId));

test("three become five, three again, and three others, under load, and every acknowledged update is kept", async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    const ports = await freePorts(5);
    const addresses = [...cluster.addresses, ...ports.map((port, i) => `${addressOf(3 + i)}:${port}`)];
    const transport = newClientTransport();
    const client = connect({ servers: cluster.addresses, transport });
    const load = new Load(client);
    const add = async (id: number) => {
      const address = addresses[id] ?? "";
      await client.changeMembership({ type: { case: "addLearner", value: { nodeId: BigInt(id), address } } });
      const { leaderId = 0n } = await client.members();
      cluster.join(id, addresses[Number(leaderId)] ?? "");
      await load.goesOn();
    };
    const promote = async (id: number) => {
      // Refused until it is level.
      await until(`node ${id} is promoted`, async () =>
        client.changeMembership({ type: { case: "promote", value: BigInt(id) } }).then(
          () => true,
          (error: { code?: string }) => {
            if (error.code !== "refused") throw error;
            return false;
          },
        ),
      );
      await load.goesOn();
    };
    const gone = async (id: number) => {
      const { status, stderr } = await cluster.server(id).ended;
      expect(stderr).toContain(`node ${id} was removed from the cluster`);
      expect(status).toBe(0);
    };

    for (const id of [3, 4]) await add(id);
    for (const id of [3, 4]) await promote(id);
    expect(voters(await client.members())).toEqual([0, 1, 2, 3, 4]);

    for (const id of [0, 1]) {
      await client.changeMembership({ type: { case: "remove", value: BigInt(id) } });
      await load.goesOn();
      await gone(id);
    }
    expect(voters(await client.members())).toEqual([2, 3, 4]);

    for (const id of [5, 6, 7]) await add(id);
    const others = { voters: [5n, 6n, 7n].map((nodeId) => ({ nodeId })) };
    await until("three others take their places", async () =>
      client.changeMembership({ type: { case: "setMembers", value: others } }).then(
        () => true,
        (error: { code?: string }) => {
          if (error.code !== "refused") throw error;
          return false;
        },
      ),
    );
    await load.goesOn();
    for (const id of [2, 3, 4]) await gone(id);
    expect(voters(await client.members())).toEqual([5, 6, 7]);
    await load.stop();
    await client.close();

    // A client that is told one of them finds everything, once, as soon as that one has it.
    const last = BigInt(Math.max(...load.acknowledged.values()));
    await until("node 6 has all of it", async () => {
      return ((await cluster.statusAt(addresses[6] ?? ""))?.localAru ?? 0n) >= last;
    });
    const reader = connect({
      servers: [addresses[6] ?? ""],
      transport: newClientTransport(),
      discover: false,
    });
    const held = new Map<string, number[]>();
    for await (const { entries } of reader.log()) {
      for (const { seq, update, duplicate } of entries) {
        const text = Buffer.from(update?.update ?? []).toString();
        if (!duplicate) held.set(text, [...(held.get(text) ?? []), Number(seq)]);
      }
    }
    await reader.close();
    expect(load.acknowledged.size).toBeGreaterThan(100);
    for (const [update, seq] of load.acknowledged)
      expect([update, held.get(update)]).toEqual([update, [seq]]);
  });
});

test("a leader that is asked to end hands over: the others do not wait for a timeout", async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    const leader = await cluster.leader();
    // Before, it does not know who could take over.
    await until("all have heard of all", async () =>
      cluster.server(leader).stderr.includes("the storage of every voter is on record at all others"),
    );
    const { status, stderr } = await cluster.server(leader).end("SIGTERM");
    expect(status).toBe(0);
    expect(stderr).toMatch(/hands over to node \d, to lead view \d+/);
    await cluster.leader();
    const logs = cluster.running.map((id) => cluster.server(id).stderr).join("");
    expect(logs).toMatch(/takes over from node \d: prepares view \d+/);
    expect(logs).not.toContain("no progress");
  });
});

test("a member that was down when it was removed is told so when it comes back, and one that joined needs no hostfile", async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    const [port = 0] = await freePorts(1);
    const address = `${addressOf(3)}:${port}`;
    const client = connect({ servers: cluster.addresses, transport: newClientTransport() });
    const leader = await cluster.leader();
    const away = [0, 1, 2].find((id) => id !== leader) ?? 0;
    await cluster.server(away).end("SIGTERM");
    await client.changeMembership({ type: { case: "remove", value: BigInt(away) } });
    await client.changeMembership({ type: { case: "addLearner", value: { nodeId: 3n, address } } });
    cluster.startServer(away);
    const { status, stderr } = await cluster.server(away).ended;
    expect(stderr).toContain(`node ${away} was removed from the cluster`);
    expect(status).toBe(0);

    cluster.join(3, cluster.addresses[leader] ?? "");
    const knows = async () => (await cluster.statusAt(address))?.localAru ?? 0n;
    await until("node 3 has joined", async () => (await knows()) > 0n);
    await cluster.kill(3);
    cluster.startWithoutHostfile(3);
    await until("node 3 is back", async () => (await knows()) > 0n);
    // The same command as at first, after another change.
    await cluster.kill(3);
    await client.changeMembership({ type: { case: "setPriority", value: { nodeId: 3n, priority: 1 } } });
    cluster.join(3, cluster.addresses[leader] ?? "");
    await until("node 3 is back once more", async () => (await cluster.statusAt(address))?.epoch === 3n);
    await client.close();
  });
});
