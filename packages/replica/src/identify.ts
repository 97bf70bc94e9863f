import { toBinary } from "@bufbuild/protobuf";
import type { Identity, Node } from "@paxos/core";
import { EpochRecordSchema } from "@paxos/proto";

/** A peer may have heard another process of this node last, a dead one: what storage has seen speaks for itself. */
export function identify(
  node: Node,
  who: Omit<Identity, "saveHistory" | "epochRecord" | "address">,
): Identity {
  let known = { record: node.epochRecord, bytes: toBinary(EpochRecordSchema, node.epochRecord) };
  return {
    ...who,
    get saveHistory() {
      return node.saveHistory;
    },
    get epochRecord() {
      const { epochRecord: record } = node;
      if (record !== known.record) known = { record, bytes: toBinary(EpochRecordSchema, record) };
      return known.bytes;
    },
    get address() {
      return node.address;
    },
  };
}
