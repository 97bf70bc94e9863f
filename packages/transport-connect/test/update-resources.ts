import { afterEach } from "@jest/globals";
import type { ClientHandler } from "@paxos/core";
import { ConnectClientTransport } from "../src/index.js";
import { Endpoints, type Endpoint } from "./endpoint.js";
import { Proxy } from "./proxy.js";
import { RawStream } from "./raw-stream.js";

const proxies: Proxy[] = [];
const clients: ConnectClientTransport[] = [];
const raws: RawStream[] = [];

/** Nodes of the tests of one file. Whatever is made here is closed after each test. */
export const endpoints = new Endpoints();

afterEach(async () => {
  await Promise.all(raws.splice(0).map((raw) => raw.close()));
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await endpoints.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

export function newClient(
  ...options: ConstructorParameters<typeof ConnectClientTransport>
): ConnectClientTransport {
  const client = new ConnectClientTransport(...options);
  clients.push(client);
  return client;
}

export function newProxy(): Proxy {
  const proxy = new Proxy();
  proxies.push(proxy);
  return proxy;
}

export function newStream(...parts: ConstructorParameters<typeof RawStream>): RawStream {
  const raw = new RawStream(...parts);
  raws.push(raw);
  return raw;
}

export const serving = (handler: ClientHandler): Promise<Endpoint> => endpoints.start({ nodeId: 0, handler });
export const never = (): AbortSignal => new AbortController().signal;
export const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
