import type { PeerAddress } from "@paxos/core";
import { expect, test } from "@jest/globals";
import { accept } from "../test/linkage.js";
import { PeerConnections } from "./peer-connections.js";

/** Connections that close when a test says so, and what became of them. */
class Fixture {
  readonly made: { readonly peer: PeerAddress; sent: number; closed: boolean; finish: () => void }[] = [];
  readonly malformed: string[] = [];
  readonly connections = new PeerConnections(
    (peer) => {
      let finish: () => void = () => undefined;
      const end = new Promise<void>((resolve) => (finish = resolve));
      const record = { peer, sent: 0, closed: false, finish };
      this.made.push(record);
      return {
        send: () => void record.sent++,
        hurry: () => undefined,
        close: () => {
          record.closed = true;
          return end;
        },
      };
    },
    ({ nodeId }, why) => this.malformed.push(`${nodeId}: ${why}`),
  );

  set(...peers: [nodeId: number, address: string][]): void {
    this.connections.set(peers.map(([nodeId, address]) => ({ nodeId, address })));
  }

  get open(): string[] {
    return this.made.filter(({ closed }) => !closed).map(({ peer }) => `${peer.nodeId} at ${peer.address}`);
  }
}

test("those that stay keep their connections; the others are closed, or made", () => {
  const fixture = new Fixture();
  const { connections } = fixture;
  fixture.set([1, "one:1"], [2, "two:2"], [3, "three:3"]);
  fixture.set([2, "elsewhere:2"], [3, "three:3"], [4, "four:4"]);
  expect(fixture.made).toHaveLength(5);
  expect(fixture.open).toEqual(["3 at three:3", "2 at elsewhere:2", "4 at four:4"]);
  expect(connections.to(1)).toBeUndefined();
  expect(connections.peer(1)).toBeUndefined();
  expect(connections.peer(2)).toEqual({ nodeId: 2, address: "elsewhere:2" });
  connections.to(2)?.send(accept(2));
  expect(fixture.made.map(({ sent }) => sent)).toEqual([0, 0, 0, 1, 0]);
});

test("a peer whose address is malformed is left out, and told", () => {
  const fixture = new Fixture();
  fixture.set([1, "one:1"], [2, "two:2"]);
  fixture.set([1, "nonsense"], [2, "two:2"]);
  expect(fixture.open).toEqual(["2 at two:2"]);
  expect(fixture.malformed).toEqual([expect.stringMatching(/^1: "nonsense" is no address: give host:port/)]);
});

test("of several addresses for one peer the last counts", () => {
  const fixture = new Fixture();
  fixture.set([1, "one:1"], [1, "one:2"]);
  expect(fixture.open).toEqual(["1 at one:2"]);
});

test("close waits for all, those that were closed before included", async () => {
  const fixture = new Fixture();
  fixture.set([1, "one:1"], [2, "two:2"]);
  fixture.set([2, "two:2"]);
  let closed = false;
  const closing = fixture.connections.close().then(() => (closed = true));
  expect(fixture.open).toEqual([]);
  fixture.made[1]?.finish();
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBe(false);
  fixture.made[0]?.finish();
  await closing;
});
