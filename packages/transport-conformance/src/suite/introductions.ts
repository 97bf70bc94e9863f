import type { AdmissionRefusalReason, Identity } from "@paxos/core";
import { expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { nowhere, type Endpoints } from "./endpoints.js";
import { hello } from "./messages.js";
import { describeSubject } from "./subject.js";
import { until } from "./until.js";

/** What nodes say of themselves, each time anew, and what they are told when they are not wanted. */
export function describeIntroductions(adapter: TransportAdapter): void {
  describeSubject("introductions", adapter, (endpoints) => {
    testSaidAnew(endpoints);
    testReasons(endpoints);
  });
}

/** What changes between two introductions of a node. */
class Changing implements Pick<Identity, "saveHistory" | "epochRecord" | "address"> {
  #epoch = 0;

  get saveHistory(): Uint8Array {
    return Uint8Array.of(this.#epoch);
  }
  get epochRecord(): Uint8Array {
    return Uint8Array.of(8, ++this.#epoch);
  }
  get address(): string {
    return `moved-${this.#epoch}:1`;
  }
}

/** An object with these getters as its own. */
const ownGetters = (changing: Changing): Partial<Identity> => ({
  get saveHistory() {
    return changing.saveHistory;
  },
  get epochRecord() {
    return changing.epochRecord;
  },
  get address() {
    return changing.address;
  },
});

function testSaidAnew(endpoints: Endpoints): void {
  test("a caller reads its epoch record and address anew for each introduction", async () => {
    const seen: Identity[] = [];
    const zero = await endpoints.start({
      nodeId: 0,
      admit: (peer) => {
        seen.push(peer);
        return { reason: "node", detail: "not yet" };
      },
    });
    const peers = [{ nodeId: 0, address: zero.address }];
    await endpoints.start({ nodeId: 1, identity: ownGetters(new Changing()), peers });
    await until(() => seen.length >= 3, "it has introduced itself three times");
    expect(seen.slice(0, 3)).toMatchObject(
      [1, 2, 3].map((epoch) => ({ epochRecord: Uint8Array.of(8, epoch), address: `moved-${epoch}:1` })),
    );
  });

  test("a callee reads them anew as well", async () => {
    const zero = await endpoints.start({ nodeId: 0, identity: ownGetters(new Changing()) });
    for (const epoch of [1, 2, 3]) {
      const caller = endpoints.rawCaller(zero.address);
      caller.say(hello());
      await until(() => caller.answers.length === 1, "answered");
      expect(caller.answers[0]?.hello).toMatchObject({
        epochRecord: Uint8Array.of(8, epoch),
        address: `moved-${epoch}:1`,
      });
    }
  });
}

function testReasons(endpoints: Endpoints): void {
  const reasons: AdmissionRefusalReason[] = ["protocol_version", "cluster", "node", "store", "removed"];

  test.each(reasons)("a caller that is refused learns the reason: %s", async (reason) => {
    const refusal = { reason, detail: "node 1 was removed; start it as a new member" };
    const zero = await endpoints.start({ nodeId: 0, admit: () => refusal });
    const peer = { nodeId: 0, address: zero.address };
    const one = await endpoints.start({ nodeId: 1, peers: [peer] });
    await until(() => one.refused.length === 1, "refused");
    expect(one.refused[0]).toEqual({ peer, refusal });
    expect(zero.counter(`refused_${reason}`)).toBeGreaterThan(0);
    expect(one.connected).toEqual([]);
  });

  test.each(reasons)("a callee that is refused learns the reason: %s", async (reason) => {
    const refusal = { reason, detail: "node 1 was removed; start it as a new member" };
    // It reaches nobody, so that it can only learn it on the connection that the other makes.
    const peer = { nodeId: 0, address: nowhere };
    const one = await endpoints.start({ nodeId: 1, peers: [peer] });
    const peers = [{ nodeId: 1, address: one.address }];
    const zero = await endpoints.start({ nodeId: 0, peers, admit: () => refusal });
    await until(() => one.refused.length === 1, "refused");
    expect(one.refused[0]).toEqual({ peer, refusal });
    expect(zero.counter(`refused_${reason}`)).toBeGreaterThan(0);
    expect(zero.connected).toEqual([]);
  });
}
