import { create } from "@bufbuild/protobuf";
import { ClientUpdateSchema, GloballyOrderedUpdateSchema, QueryResponseSchema } from "@paxos/proto";
import { Counters, LimitedLog, oncePerTurn, PendingUpdates, UpdateStream } from "@paxos/transport-kit";

// The two ends of a stream of updates, and between them, in place of a network, two functions that move what there is.
const client = new PendingUpdates(
  "server:1",
  oncePerTurn(() => {
    const batch = server.hasRoom ? client.takeBatch() : undefined;
    if (batch !== undefined) server.take(batch);
  }),
);
const sendAnswers = oncePerTurn(() => {
  const answers = server.takeAnswers();
  if (answers !== undefined) client.answered(answers);
});
const silent = () => undefined;
const logger = { verbose: false, debug: silent, info: silent, warn: silent, error: silent };
const server = new UpdateStream(
  // A replica's transport is given this handler; here, each update gets the seq that its timestamp says, and queries are echoed.
  {
    clientUpdate: async ({ timestamp }) => create(GloballyOrderedUpdateSchema, { seq: timestamp }),
    query: async ({ query }) => create(QueryResponseSchema, { result: query }),
  },
  { counters: new Counters(), log: new LimitedLog(logger) },
  { maxRequestBytes: 2 * 1024 * 1024 },
  sendAnswers,
);

const signal = AbortSignal.timeout(5000);
const update = (timestamp: bigint) => create(ClientUpdateSchema, { clientId: 7n, timestamp });
const ordered = await Promise.all(
  [1n, 2n, 3n].map((timestamp) => client.clientUpdate(update(timestamp), signal)),
);
console.log(`ordered at ${ordered.map(({ seq }) => seq).join(", ")}`);
