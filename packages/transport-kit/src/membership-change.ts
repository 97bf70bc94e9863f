import { toBinary } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import { MembershipChangeSchema, type MembershipChange } from "@paxos/proto";
import { describeError } from "./one-line.js";

/** The largest change of a membership that is asked for, in bytes: no cluster has a larger record of its members. */
export const maxChangeBytes = 64 * 1024;

/**
 * The change that is asked for. Throws a RequestError: invalid, when there is none or it cannot be encoded; too_large, when it
 * has more than {@link maxChangeBytes}.
 */
export function requireChange(change: MembershipChange | undefined): MembershipChange {
  if (change === undefined) {
    throw new RequestError("invalid", "the request names no change of the membership; say what is to change");
  }
  const bytes = sizeOf(change);
  if (bytes <= maxChangeBytes) return change;
  throw new RequestError(
    "too_large",
    `the change has ${bytes} bytes; the limit is ${maxChangeBytes}; change less at once`,
  );
}

function sizeOf(change: MembershipChange): number {
  try {
    return toBinary(MembershipChangeSchema, change).length;
  } catch (error) {
    throw new RequestError("invalid", `the change cannot be encoded: ${describeError(error)}`, {
      cause: error,
    });
  }
}
