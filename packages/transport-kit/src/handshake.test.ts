import { create } from "@bufbuild/protobuf";
import { HandshakeRefusalReason, HandshakeRefusalSchema } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { identityOf, RecordedLinkage } from "../test/linkage.js";
import { checkHello, handshakeRefusal, helloFrom, readRefusal } from "./handshake.js";

const one = identityOf(1);
const { context } = new RecordedLinkage();

test("a Hello that fits admits its sender, as caller and as callee", () => {
  const hello = helloFrom(one, 0);
  expect(checkHello({ hello }, context)).toEqual({ peer: one });
  expect(checkHello({ hello }, context, 1)).toEqual({ peer: one });
});

test.each([
  ["no frame", undefined, undefined, "no_hello"],
  ["no Hello", {}, undefined, "no_hello"],
  ["a later version", { hello: { ...helloFrom(one, 0), protocolVersion: 3 } }, undefined, "protocol_version"],
  [
    "an earlier version",
    { hello: { ...helloFrom(one, 0), protocolVersion: 0, newestVersion: 0 } },
    undefined,
    "protocol_version",
  ],
  [
    "another cluster",
    { hello: helloFrom({ ...one, clusterId: new Uint8Array(32) }, 0) },
    undefined,
    "cluster",
  ],
  [
    "a longer cluster id",
    { hello: helloFrom({ ...one, clusterId: new Uint8Array(33).fill(7) }, 0) },
    undefined,
    "cluster",
  ],
  ["the own id", { hello: helloFrom({ ...one, nodeId: 0 }, 0) }, undefined, "node"],
  ["an id that is none", { hello: { ...helloFrom(one, 0), nodeId: 2n ** 53n } }, undefined, "node"],
  ["another than was dialled", { hello: helloFrom(one, 0) }, 2, "node"],
  ["one that means another", { hello: helloFrom(one, 2) }, undefined, "node"],
  [
    "more saves than there are",
    { hello: { ...helloFrom(one, 0), saveHistory: new Uint8Array(1025) } },
    undefined,
    "store",
  ],
  [
    "a larger epoch record than there are",
    { hello: { ...helloFrom(one, 0), epochRecord: new Uint8Array(64 * 1024 + 1) } },
    undefined,
    "node",
  ],
  [
    "a longer address than there are",
    { hello: { ...helloFrom(one, 0), address: "x".repeat(301) } },
    undefined,
    "node",
  ],
])("%s is refused", (_, first, dialed, reason) => {
  expect(checkHello(first, context, dialed)).toMatchObject({ refusal: { reason } });
});

test.each([
  [0, 1],
  [1, 1],
  [2, 2],
  [9, 2],
])("of a node whose newest version is %p, version %p is spoken", (newestVersion, protocolVersion) => {
  expect(checkHello({ hello: { ...helloFrom(one, 0), newestVersion } }, context)).toMatchObject({
    peer: { protocolVersion },
  });
});

test("who is a member is for the node to decide, whoever its peers are", () => {
  const stranger = { ...one, nodeId: 5 };
  expect(checkHello({ hello: helloFrom(stranger, 0) }, context)).toEqual({ peer: stranger });
});

test("what a node says of itself is read anew for each Hello", () => {
  let epoch = 0;
  const identity = {
    ...one,
    get epochRecord() {
      return Uint8Array.of(++epoch);
    },
    get address() {
      return `one:${epoch}`;
    },
  };
  const said = [1, 2].map(() => helloFrom(identity, 0));
  expect(said.map(({ epochRecord, address }) => [...epochRecord, address])).toEqual([
    [1, "one:1"],
    [2, "one:2"],
  ]);
});

test("the node decides last, and only about who fits otherwise", () => {
  const linkage = new RecordedLinkage();
  linkage.refusing = { reason: "store", detail: "replace the member" };
  expect(checkHello({ hello: helloFrom(one, 0) }, linkage.context)).toEqual({ refusal: linkage.refusing });
  expect(checkHello({ hello: helloFrom(one, 2) }, linkage.context)).toMatchObject({
    refusal: { reason: "node" },
  });
});

test.each(["protocol_version", "cluster", "node", "store", "removed"] as const)(
  "the reason %s is read as it was sent",
  (reason) => {
    expect(readRefusal(handshakeRefusal({ reason, detail: "words" }))).toEqual({ reason, detail: "words" });
  },
);

test("what this version cannot name is a matter of versions; words are kept to one line of bounded length", () => {
  const detail = `two\nlines\u2028and ${"x".repeat(2000)}`;
  for (const reason of [HandshakeRefusalReason.NO_HELLO, 99 as HandshakeRefusalReason]) {
    const read = readRefusal(create(HandshakeRefusalSchema, { reason, detail }));
    expect(read.reason).toBe("protocol_version");
    expect(read.detail).toMatch(/^two lines and x+$/);
    expect(read.detail).toHaveLength(1000);
  }
});
