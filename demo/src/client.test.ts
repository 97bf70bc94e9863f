import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { type ClientTransport, RequestError, type RequestErrorCode } from "@paxos/core";
import { type ClientUpdate, GloballyOrderedUpdateSchema } from "@paxos/proto";

import { Client } from "./client.js";
import { DemoError } from "./demo-error.js";

/** Answers, or fails with the code that `behave` gives for an address. */
class FakeTransport implements ClientTransport {
  readonly sent: { readonly address: string; readonly update: ClientUpdate }[] = [];
  constructor(readonly behave: (address: string, attempt: number) => RequestErrorCode | undefined) {}

  async clientUpdate(address: string, update: ClientUpdate) {
    const code = this.behave(address, this.sent.push({ address, update }));
    if (code !== undefined) throw new RequestError(code, `it is ${code}`);
    return create(GloballyOrderedUpdateSchema, { seq: 9n, update });
  }

  status = () => Promise.reject(new Error("not asked here"));
  log = () => {
    throw new Error("not asked here");
  };
  query = () => Promise.reject(new Error("not asked here"));
  takeSnapshot = () => Promise.reject(new Error("not asked here"));
  members = () => Promise.reject(new Error("not asked here"));
  changeMembership = () => Promise.reject(new Error("not asked here"));
  transferLeadership = () => Promise.reject(new Error("not asked here"));
  backup = () => {
    throw new Error("not asked here");
  };
  close = () => Promise.resolve();
}

const addresses = ["a", "b", "c"];
const { signal } = new AbortController();

test("an update goes elsewhere when a server fails, under the same client id and timestamp", async () => {
  const transport = new FakeTransport((address) => (address === "c" ? undefined : "unavailable"));
  const client = new Client(transport, addresses);
  const { seq, nodeId, failed, clientId, timestamp } = await client.submit("x", signal);
  expect([seq, nodeId, timestamp]).toEqual([9, 2, 1n]);
  expect(clientId).not.toBe(0n);
  for (const { update } of transport.sent) {
    expect([update.clientId, update.timestamp, String(update.update)]).toEqual([clientId, 1n, "x"]);
  }
  expect(transport.sent.map(({ address }) => address)).toEqual([...failed.map((id) => addresses[id]), "c"]);
  expect((await client.submit("y", signal)).timestamp).toBe(2n);
});

test("when all have failed they are tried again", async () => {
  const transport = new FakeTransport((_address, attempt) => (attempt < 8 ? "busy" : undefined));
  await new Client(transport, addresses).submit("x", signal);
  const tried = transport.sent.map(({ address }) => address);
  expect(tried).toHaveLength(8);
  expect(new Set(tried.slice(0, 3))).toEqual(new Set(addresses));
  expect(new Set(tried.slice(3, 6))).toEqual(new Set(addresses));
});

test("servers are chosen at random", async () => {
  const transport = new FakeTransport(() => undefined);
  const client = new Client(transport, addresses);
  const chosen = new Set<string | undefined>();
  while (chosen.size < addresses.length) {
    await client.submit("x", signal);
    chosen.add(transport.sent.at(-1)?.address);
  }
  expect(chosen).toEqual(new Set(addresses));
});

test("a refusal for good is not retried", async () => {
  const transport = new FakeTransport(() => "too_large");
  await expect(new Client(transport, addresses).submit("x", signal)).rejects.toThrow(DemoError);
  expect(transport.sent).toHaveLength(1);
});

test("an aborted client stops", async () => {
  const abort = new AbortController();
  const transport = new FakeTransport((_address, attempt) => {
    if (attempt === 5) abort.abort(new DemoError("enough"));
    return "unavailable";
  });
  await expect(new Client(transport, addresses).submit("x", abort.signal)).rejects.toThrow("enough");
  expect(transport.sent).toHaveLength(5);
});
