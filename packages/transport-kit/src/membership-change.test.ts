import { create, toBinary } from "@bufbuild/protobuf";
import { MembershipChangeSchema } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { maxChangeBytes, requireChange } from "./membership-change.js";

/** A change of so many bytes. */
function changeOf(bytes: number) {
  const move = (length: number) =>
    create(MembershipChangeSchema, {
      type: { case: "move", value: { nodeId: 1n, address: "x".repeat(length) } },
    });
  const overhead = toBinary(MembershipChangeSchema, move(bytes - 100)).length - (bytes - 100);
  return move(bytes - overhead);
}

test("a change of 64 KiB passes, and no larger one", () => {
  const largest = changeOf(maxChangeBytes);
  expect(toBinary(MembershipChangeSchema, largest)).toHaveLength(64 * 1024);
  expect(requireChange(largest)).toBe(largest);
  expect(() => requireChange(changeOf(maxChangeBytes + 1))).toThrow(
    expect.objectContaining({ name: "RequestError", code: "too_large" }),
  );
});

test("no change, and one that cannot be encoded, are invalid", () => {
  const invalid = expect.objectContaining({ name: "RequestError", code: "invalid" });
  expect(() => requireChange(undefined)).toThrow(invalid);
  const negative = create(MembershipChangeSchema, { type: { case: "promote", value: -1n } });
  expect(() => requireChange(negative)).toThrow(invalid);
});
