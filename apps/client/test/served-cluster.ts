// The fake cluster behind real connections, for clients that are processes of their own.
import { join } from "node:path";
import { writeFile } from "node:fs/promises";

import { protocolVersions, type ClientHandler } from "@paxos/core";

import { FakeCluster } from "./fake-cluster.js";
import { createServerTransport, type ServerTransport } from "./transport-under-test.js";

export class ServedCluster {
  private constructor(
    readonly fake: FakeCluster,
    readonly hostfile: string,
    readonly transports: readonly ServerTransport[],
  ) {}

  /** Listens on so many free ports, and writes the hostfile into the directory. */
  static async start(directory: string, servers = 1): Promise<ServedCluster> {
    const transports: ServerTransport[] = [];
    // The handlers are asked for nothing before the addresses are known.
    let fake = new FakeCluster([]);
    for (let id = 0; id < servers; id++) {
      const transport = createServerTransport();
      transport.serve(handlerOf(() => ({ fake, address: fake.addresses[id] ?? "" })));
      await transport.start({
        identity: {
          clusterId: new Uint8Array(16),
          nodeId: id,
          storeId: 1n,
          incarnation: 1n,
          saveHistory: new Uint8Array(),
          epochRecord: new Uint8Array(),
          address: "127.0.0.1:0",
          protocolVersion: protocolVersions.newest,
          commandVersion: 0,
        },
        address: "127.0.0.1:0",
        peers: [],
        onMessage: () => undefined,
        admit: () => undefined,
        onConnected: () => undefined,
        onDisconnected: () => undefined,
        onRefused: () => undefined,
      });
      transports.push(transport);
    }
    fake = new FakeCluster(transports.map(({ address }) => address ?? ""));
    const hostfile = join(directory, "served");
    await writeFile(hostfile, fake.addresses.map((address) => `${address}\n`).join(""));
    return new ServedCluster(fake, hostfile, transports);
  }

  /** The first server's address. */
  get address(): string {
    return this.fake.addresses[0] ?? "";
  }

  /** Nobody listens there any more. */
  async stop(id: number): Promise<void> {
    await this.transports[id]?.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.transports.map((transport) => transport.close()));
  }
}

/** The fake cluster as a server has it. */
function handlerOf(server: () => { readonly fake: FakeCluster; readonly address: string }): ClientHandler {
  return {
    clientUpdate: (update, signal) => server().fake.clientUpdate(server().address, update, signal),
    query: (request) => server().fake.query(server().address, request),
    log: (request, signal) => server().fake.log(server().address, request, signal),
    status: () => server().fake.status(server().address),
    takeSnapshot: (signal) => server().fake.takeSnapshot(server().address, signal),
    backup: () => server().fake.backup(),
    members: () => server().fake.members(server().address),
    changeMembership: (change, signal) => server().fake.changeMembership(server().address, change, signal),
    transferLeadership: (to, signal) => server().fake.transferLeadership(server().address, to, signal),
  };
}
