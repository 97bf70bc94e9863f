import { HandshakeRefusalReason } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import type { Identity } from "@paxos/core";
import type { TransportAdapter } from "./adapter.js";
import { nowhere, type Endpoints } from "./endpoints.js";
import { hello, identityOf } from "./messages.js";
import { describeSubject } from "./subject.js";
import { until } from "./until.js";

/** Which version two releases speak with each other, and which do not understand each other. */
export function describeVersions(adapter: TransportAdapter): void {
  describeSubject("versions", adapter, (endpoints) => {
    testAgreed(endpoints);
    testNoneInCommon(endpoints);
  });
}

function testAgreed(endpoints: Endpoints): void {
  test.each([
    ["an earlier release, which names one version", {}, 2, 1],
    ["this release", { newestVersion: 2 }, 2, 2],
    ["a later release", { newestVersion: 7 }, 2, 2],
    ["a later release", { newestVersion: 7 }, 1, 1],
    ["a release with other versions, of which one is known", { protocolVersion: 2, newestVersion: 3 }, 2, 2],
  ])("the newest version that both speak is agreed on: %s (%#)", async (_, said, protocolVersion, agreed) => {
    const seen: Identity[] = [];
    const zero = await endpoints.start({
      nodeId: 0,
      identity: { protocolVersion },
      peers: [{ nodeId: 1, address: nowhere }],
      admit: (peer) => {
        seen.push(peer);
        return undefined;
      },
    });
    const caller = endpoints.rawCaller(zero.address);
    caller.say(hello(said));
    await until(() => caller.answers.length === 1, "answered");
    // Releases before there was a second version demand to hear of the first.
    expect(caller.answers[0]?.hello).toMatchObject({ protocolVersion: 1, newestVersion: protocolVersion });
    expect(seen).toMatchObject([{ protocolVersion: agreed, commandVersion: identityOf(1).commandVersion }]);
  });
}

function testNoneInCommon(endpoints: Endpoints): void {
  test.each([
    [
      { protocolVersion: 99 },
      /node 1 speaks version 99 .* this node versions 1 to 2; run releases that have one in common/,
    ],
    [{ protocolVersion: 98, newestVersion: 99 }, /node 1 speaks versions 98 to 99 /],
    [{ protocolVersion: 0 }, /node 1 speaks version 0 /],
  ])("without a version in common a caller is refused and told why: %p", async (said, detail) => {
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }] });
    const caller = endpoints.rawCaller(zero.address);
    caller.say(hello(said));
    await until(() => caller.ended, "the connection has ended");
    expect(caller.answers).toMatchObject([
      { refusal: { reason: HandshakeRefusalReason.PROTOCOL_VERSION, detail: expect.stringMatching(detail) } },
    ]);
    expect(zero.counter("refused_protocol_version")).toBe(1);
    expect(zero.warnings.join()).toMatch(detail);
  });
}
