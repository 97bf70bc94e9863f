import { toBinary } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import { MembershipChangeSchema, type MembershipChange } from "@paxos/proto";

/** The largest change of a membership that is asked for, in bytes. */
const maxChangeBytes = 64 * 1024;

/** The change that is asked for. Throws a RequestError when there is none, or a larger one than is asked for. */
export function requireChange(change: MembershipChange | undefined): MembershipChange {
  if (change === undefined)
    throw new RequestError("invalid", "the request names no change of the membership; say what is to change");
  const bytes = toBinary(MembershipChangeSchema, change).length;
  if (bytes <= maxChangeBytes) return change;
  const why = `the change has ${bytes} bytes; the limit is ${maxChangeBytes}; change less at once`;
  throw new RequestError("too_large", why);
}
