import { describe } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { describeChangingPeers } from "./changing-peers.js";
import { describeClientCalls } from "./client-calls.js";
import { describeUpdateIntakes } from "./update-intakes.js";
import { describeClientFailures } from "./client-failures.js";
import { describeClientStreams } from "./client-streams.js";
import { describeClosing } from "./closing.js";
import { describeDelivery } from "./delivery.js";
import { describeHalfOpen } from "./half-open.js";
import { describeHandshake } from "./handshake.js";
import { describeHostileInput } from "./hostile-input.js";
import { describeIntroductions } from "./introductions.js";
import { describeLanes } from "./lanes.js";
import { describeMembershipCalls } from "./membership-calls.js";
import { describeQueryCalls } from "./query-calls.js";
import { describeVersions } from "./versions.js";

/** Registers the tests of everything that packages/core/src/ports.ts promises of transports. */
export function describeTransport(name: string, adapter: TransportAdapter): void {
  describe(name, () => {
    describeDelivery(adapter);
    describeLanes(adapter);
    describeHandshake(adapter);
    describeVersions(adapter);
    describeIntroductions(adapter);
    describeChangingPeers(adapter);
    describeHostileInput(adapter);
    describeHalfOpen(adapter);
    describeClosing(adapter);
    describeClientCalls(adapter);
    describeUpdateIntakes(adapter);
    describeClientFailures(adapter);
    describeClientStreams(adapter);
    describeMembershipCalls(adapter);
    describeQueryCalls(adapter);
  });
}
