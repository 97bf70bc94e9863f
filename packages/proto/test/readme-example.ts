import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientUpdateSchema, encodeMessage, MessageSchema, type Message } from "@paxos/proto";

const update = create(ClientUpdateSchema, {
  clientId: 7n,
  timestamp: 1n,
  update: new TextEncoder().encode("set x 1"),
});

const proposal: Message = create(MessageSchema, {
  to: 2n,
  type: {
    case: "proposal",
    value: { nodeId: 1n, view: 4n, seq: 130n, updates: [toBinary(ClientUpdateSchema, update)] },
  },
});

const received = fromBinary(MessageSchema, encodeMessage(proposal));
if (received.type.case === "proposal") {
  for (const bytes of received.type.value.updates) {
    const { update: content } = fromBinary(ClientUpdateSchema, bytes);
    console.log(`seq ${received.type.value.seq}: ${new TextDecoder().decode(content)}`);
  }
}
