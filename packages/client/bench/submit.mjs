// Measures what the client itself costs: updates and reads a second over a transport that answers at once.
// Build first, then: node bench/submit.mjs
import { create } from "@bufbuild/protobuf";
import { GloballyOrderedUpdateSchema, QueryResponseSchema, StatusResponseSchema } from "@paxos/proto";
import { connect } from "../dist/index.js";

/** Answers each request at once, or all of a turn of the event loop at its end. */
function instantTransport(perTurn) {
  let seq = 0n;
  let waiting = [];
  const answerAll = () => {
    const answers = waiting;
    waiting = [];
    for (const answer of answers) answer(++seq);
  };
  const soon = (answer) => {
    if (waiting.push(answer) > 1) return;
    if (perTurn) setImmediate(answerAll);
    else queueMicrotask(answerAll);
  };
  return {
    clientUpdate: () =>
      new Promise((resolve) =>
        soon((seq) => resolve(create(GloballyOrderedUpdateSchema, { seq, leaderId: 0n }))),
      ),
    query: () => new Promise((resolve) => soon((seq) => resolve(create(QueryResponseSchema, { seq })))),
    status: () => Promise.resolve(create(StatusResponseSchema, { nodeId: 0n })),
    log: () => [],
    close: () => Promise.resolve(),
  };
}

async function measure(name, { perTurn, inFlight, total, signal, reads = false }) {
  const client = connect({ servers: ["a:1"], transport: instantTransport(perTurn) });
  const update = new Uint8Array(100);
  const worker = async (count) => {
    for (let i = 0; i < count; i++)
      await (reads ? client.read(update, { signal }) : client.submit(update, { signal }));
  };
  const round = (count) =>
    Promise.all(Array.from({ length: inFlight }, () => worker(Math.ceil(count / inFlight))));
  await round(total / 4);
  const start = performance.now();
  const before = process.cpuUsage();
  await round(total);
  const seconds = (performance.now() - start) / 1000;
  // All threads: the collection of garbage counts.
  const { user, system } = process.cpuUsage(before);
  const rate = Math.round(total / seconds / 1000);
  console.log(
    `${name}: ${rate} k ${reads ? "reads" : "updates"}/s, ${((user + system) / total).toFixed(1)} us of CPU each`,
  );
  await client.close();
}

const total = 400_000;
const { signal } = new AbortController();
await measure("one after another", { perTurn: false, inFlight: 1, total });
await measure("256 in flight", { perTurn: true, inFlight: 256, total });
await measure("256 in flight, one signal for all", { perTurn: true, inFlight: 256, total, signal });
await measure("1,024 in flight", { perTurn: true, inFlight: 1024, total });
await measure("1,024 in flight and 50,000 in line", { perTurn: true, inFlight: 51_024, total });
await measure("reads, one after another", { perTurn: false, inFlight: 1, total, reads: true });
await measure("reads, 256 in flight", { perTurn: true, inFlight: 256, total, reads: true });
await measure("reads, 256 in flight, one signal for all", {
  perTurn: true,
  inFlight: 256,
  total,
  signal,
  reads: true,
});
await measure("reads, 1,000 in flight", { perTurn: true, inFlight: 1000, total, reads: true });
