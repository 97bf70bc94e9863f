import { afterEach, expect, test } from "@jest/globals";
import { accept, catchUpAnswer, Endpoints, freePort, until } from "./endpoint.js";

// What all transports do is tested in conformance.test.ts; in which order this one sends is its own affair.

const endpoints = new Endpoints();
afterEach(() => endpoints.close());

test("control leaves before bulk", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const peers = [{ nodeId: 1, address }];
  const zero = await endpoints.start({ nodeId: 0, peers, transport: { keepUnsentMs: 30_000 } });
  for (const seq of [1, 2]) zero.transport.send(catchUpAnswer(1, seq, 100_000));
  for (let seq = 1; seq <= 2000; seq++) zero.transport.send(accept(1, seq));
  const one = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => one.received.length === 2002, "all that was queued arrived");
  expect(one.received.slice(0, 2000).every(({ message }) => message.type.case === "accept")).toBe(true);
});
