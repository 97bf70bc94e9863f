import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MessageSchema } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { FailedStorage } from "./failed-storage.js";

type MessageInit = Extract<MessageInitShape<typeof MessageSchema>, { $typeName?: never }>["type"];

const message = (type: NonNullable<MessageInit>) => create(MessageSchema, { type });

test("a node whose storage has failed lends what it has, and promises, leads and acknowledges nothing", () => {
  const found: string[] = [];
  const checker = new FailedStorage((finding) => found.push(finding));
  const all = () => {
    for (const type of ["accept", "prepareOk", "prepare", "proposal", "viewChange"] as const)
      checker.sent(0, message({ case: type, value: {} }));
    checker.sent(0, message({ case: "heartbeat", value: { leading: true } }));
    checker.acknowledges(0);
    checker.saveBegins(0);
  };
  all();
  checker.storageFailed(0);
  checker.sent(0, message({ case: "heartbeat", value: {} }));
  checker.sent(0, message({ case: "catchUpAnswer", value: {} }));
  checker.sent(1, message({ case: "accept", value: {} }));
  expect(found).toEqual([]);
  all();
  expect(found).toHaveLength(8);
  checker.started(0);
  all();
  expect(found).toHaveLength(8);
});
