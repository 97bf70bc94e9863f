// A server: a replica of the store, and HTTP in front of it. The one place where the parts are put together.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Logger } from "@paxos/core";
import { Role } from "@paxos/proto";
import { startReplica, type Replica, type ReplicaOptions } from "@paxos/replica";
import { httpInterface, now } from "./http.js";
import { clientOf } from "@paxos/machine";
import { kv } from "./machine.js";
import { Watchers } from "./watchers.js";

export interface ServerOptions {
  /** Who this is, who the others are, where data is kept and how peers are reached. */
  readonly member: Omit<ReplicaOptions, "stateMachine" | "logger">;
  /** Where HTTP is served. */
  readonly http: { readonly host: string; readonly port: number };
  readonly logger: Logger;
  /** Default 5 s. */
  readonly timeoutMs?: number;
  /** Default 5 s. */
  readonly idleMs?: number;
}

export interface KvServer {
  readonly replica: Replica;
  readonly url: string;
  close(): Promise<void>;
}

/** How often the leader says what time it is, as long as that matters to any key. */
const TIME_MS = 1_000;

export async function startServer(options: ServerOptions): Promise<KvServer> {
  const { member, http, logger, timeoutMs = 5_000, idleMs = 5_000 } = options;
  const watchers = new Watchers();
  const machine = kv.create({ changed: watchers.changed });
  const closing = new AbortController();
  const replica = await startReplica({ ...member, logger, stateMachine: machine });
  const client = clientOf(kv, replica);
  const parts = { replica, machine, watchers, closing: closing.signal, timeoutMs, idleMs };
  const server = createAdaptorServer({ fetch: httpInterface(parts).fetch });
  const close = async (): Promise<void> => {
    clearInterval(timer);
    closing.abort();
    // What is being answered is answered; a connection without a request is of no use to anybody.
    const closed = server.listening ? once(server, "close") : undefined;
    server.close();
    if ("closeIdleConnections" in server) server.closeIdleConnections();
    await replica.close();
    await closed;
  };
  const timer = setInterval(() => {
    if (replica.status().role !== Role.LEADER || !machine.state.waitsForTime) return;
    // One that fails is no loss: there is another second coming.
    const options = { signal: AbortSignal.timeout(TIME_MS) };
    client.advance({ now: now() }, options).catch(() => undefined);
  }, TIME_MS);
  try {
    server.listen(http.port, http.host);
    await once(server, "listening");
  } catch (error) {
    await close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return { replica, url: `http://${http.host}:${port}`, close };
}
