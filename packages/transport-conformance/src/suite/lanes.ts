import { expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import type { Endpoint, Endpoints } from "./endpoints.js";
import type { ReplicaTransportOptions } from "../options.js";
import { accept, catchUpAnswer, numbers, proposal, seqsOf, snapshotChunk } from "./messages.js";
import { describeSubject } from "./subject.js";
import { until } from "./until.js";

/** What waits for a peer: two lanes, both bounded. */
export function describeLanes(adapter: TransportAdapter): void {
  describeSubject("lanes", adapter, (endpoints) => {
    test("bulk displaces no control message, and drops its own newest", async () => {
      const { zero, meet } = await apart(endpoints, { bulk: { maxBytes: 300_000, maxMessages: 64 } });
      for (const seq of numbers(10)) zero.transport.send(catchUpAnswer(1, seq, 100_000));
      for (const index of numbers(10)) zero.transport.send(snapshotChunk(1, index, 100_000));
      for (const seq of numbers(2000)) zero.transport.send(accept(1, seq));
      expect(zero.counter("dropped_bulk_full")).toBe(18);
      expect(zero.counter("dropped_control_full")).toBe(0);
      const one = await meet();
      await until(() => one.received.length === 2002, "all that was queued arrived");
      expect(seqsOf(one, "accept")).toEqual(numbers(2000));
      expect(seqsOf(one, "catchUpAnswer")).toEqual([1, 2]);
    });

    test("control displaces no bulk message", async () => {
      const { zero, meet } = await apart(endpoints, { control: { maxBytes: 1000, maxMessages: 2 } });
      for (const seq of numbers(5)) zero.transport.send(accept(1, seq));
      for (const seq of numbers(5)) zero.transport.send(catchUpAnswer(1, seq, 1000));
      expect(zero.counter("dropped_control_full")).toBe(3);
      expect(zero.counter("dropped_bulk_full")).toBe(0);
      const one = await meet();
      await until(() => one.received.length === 7, "all that was queued arrived");
      expect(seqsOf(one, "catchUpAnswer")).toEqual(numbers(5));
    });

    test("a lane full by count drops the newest, and counts", async () => {
      const { zero, meet } = await apart(endpoints, { control: { maxBytes: 1_000_000, maxMessages: 3 } });
      for (const seq of numbers(5)) zero.transport.send(accept(1, seq));
      expect(zero.counter("dropped_control_full")).toBe(2);
      const one = await meet();
      await until(() => one.received.length === 3, "what was kept arrived");
      expect(seqsOf(one, "accept")).toEqual([1, 2, 3]);
    });

    test("a lane full by bytes drops the newest, and counts; there is room again once they have left", async () => {
      const { zero, meet } = await apart(endpoints, { control: { maxBytes: 25_000, maxMessages: 1000 } });
      for (const seq of numbers(4)) zero.transport.send(proposal(1, seq, 10_000));
      expect(zero.counter("dropped_control_full")).toBe(2);
      const one = await meet();
      await until(() => one.received.length === 2, "what was kept arrived");
      for (const seq of [7, 8]) zero.transport.send(proposal(1, seq, 10_000));
      await until(() => one.received.length === 4, "what came later arrived");
      expect(seqsOf(one, "proposal")).toEqual([1, 2, 7, 8]);
      expect(zero.counter("dropped_control_full")).toBe(2);
    });

    test("a message larger than its lane passes when the lane is empty", async () => {
      const { zero, meet } = await apart(endpoints, { control: { maxBytes: 100, maxMessages: 10 } });
      zero.transport.send(proposal(1, 1, 5000));
      zero.transport.send(accept(1, 2));
      expect(zero.counter("dropped_control_full")).toBe(1);
      const one = await meet();
      await until(() => one.received.length === 1, "arrived");
      expect(seqsOf(one, "proposal")).toEqual([1]);
    });

    test("a full lane of one peer is not that of another", async () => {
      const peers = [
        { nodeId: 1, address: await endpoints.freeAddress() },
        { nodeId: 2, address: await endpoints.freeAddress() },
      ];
      const transport = { lanes: { control: { maxBytes: 1000, maxMessages: 1 } }, keepUnsentMs: 30_000 };
      const zero = await endpoints.start({ nodeId: 0, peers, transport });
      for (const seq of numbers(3)) zero.transport.send(accept(1, seq));
      zero.transport.send(accept(2, 1));
      expect(zero.counter("dropped_control_full")).toBe(2);
      const [, { address } = { address: "" }] = peers;
      const two = await endpoints.start({
        nodeId: 2,
        address,
        peers: [{ nodeId: 0, address: zero.address }],
      });
      await until(() => two.received.length === 1, "that of the other was kept");
      expect(seqsOf(two, "accept")).toEqual([1]);
    });

    testOvertaking(endpoints);
  });
}

function testOvertaking(endpoints: Endpoints): void {
  test("on a live connection control overtakes bulk that waits", async () => {
    const [zero, one] = await endpoints.pair();
    for (const seq of numbers(20)) zero.transport.send(catchUpAnswer(1, seq, 100_000));
    zero.transport.send(accept(1, 1));
    await until(() => one.received.length === 21, "all arrived");
    const kinds = one.received.map(({ message }) => message.type.case);
    expect(kinds.indexOf("accept")).toBeLessThan(kinds.lastIndexOf("catchUpAnswer"));
  });
}

/** Node 0, which cannot reach node 1 until they meet, and keeps what it has for it. */
async function apart(
  endpoints: Endpoints,
  lanes: NonNullable<ReplicaTransportOptions["lanes"]>,
): Promise<{ zero: Endpoint; meet: () => Promise<Endpoint> }> {
  const address = await endpoints.freeAddress();
  const peers = [{ nodeId: 1, address }];
  const zero = await endpoints.start({ nodeId: 0, peers, transport: { lanes, keepUnsentMs: 30_000 } });
  const meet = (): Promise<Endpoint> =>
    endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
  return { zero, meet };
}
