import { create } from "@bufbuild/protobuf";
import { HandshakeRefusalReason, PeerFrameSchema } from "@paxos/proto";
import { afterEach, expect, test } from "@jest/globals";
import { accept, Endpoints, until } from "./endpoint.js";
import { RawCallee } from "./raw-peer.js";

// What all transports do is tested in conformance.test.ts; this one also tells a callee that it has said no Hello.

const endpoints = new Endpoints();
const callees: RawCallee[] = [];
afterEach(async () => {
  await endpoints.close();
  await Promise.all(callees.splice(0).map((callee) => callee.close()));
});

test("a callee that says no Hello is refused and told why", async () => {
  const callee = await RawCallee.start(create(PeerFrameSchema));
  callees.push(callee);
  const peers = [{ nodeId: 1, address: callee.address }];
  const zero = await endpoints.start({ nodeId: 0, peers });
  zero.transport.send(accept(1, 1));
  await until(() => callee.heard.some((frame) => frame.refusal !== undefined), "the callee was told");
  const refusal = callee.heard.find((frame) => frame.refusal !== undefined)?.refusal;
  expect(refusal?.reason).toBe(HandshakeRefusalReason.NO_HELLO);
  expect(callee.heard.flatMap((frame) => frame.messages)).toEqual([]);
  expect(zero.counter("refused_no_hello")).toBeGreaterThan(0);
  expect(zero.connected).toHaveLength(0);
  await until(() => zero.disconnected.length === 1, "the failure was told");
  expect(zero.disconnected[0]?.reason).toMatch(/^refused: /);
});
