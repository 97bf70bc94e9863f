// Measures what one connection moves between two processes on loopback: messages from peer to peer, and updates
// of clients, on a stream and as calls of their own. Build first, then: node bench/throughput.mjs [updates]
import { create } from "@bufbuild/protobuf";
import { ClientUpdateSchema, GloballyOrderedUpdateSchema, MessageSchema, ProposalSchema } from "@paxos/proto";
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ConnectClientTransport, ConnectReplicaTransport } from "../dist/index.js";

const clusterId = new Uint8Array(32);
const context = (nodeId, address, peers, callbacks) => ({
  identity: {
    clusterId,
    nodeId,
    storeId: BigInt(nodeId + 1),
    incarnation: 1n,
    saveHistory: new Uint8Array(),
    epochRecord: new Uint8Array(),
    address,
  },
  address,
  peers,
  onMessage: () => undefined,
  admit: () => undefined,
  onConnected: () => undefined,
  onDisconnected: () => undefined,
  onRefused: () => undefined,
  ...callbacks,
});

const reportEvery = 4096;
const window = 32_768;

/** Receives, counts, and says how many have come. */
async function receive() {
  let expected = Infinity;
  let count = 0;
  const transport = new ConnectReplicaTransport();
  const handler = {
    clientUpdate: (update) => Promise.resolve(create(GloballyOrderedUpdateSchema, { seq: 1n, update })),
  };
  transport.serve(handler);
  const onMessage = () => {
    if (++count % reportEvery === 0 || count === expected) process.send(count);
  };
  await transport.start(context(1, "127.0.0.1:0", [{ nodeId: 0, address: "127.0.0.1:9" }], { onMessage }));
  process.on("message", (number) => {
    count = 0;
    expected = number;
    process.send("ready");
  });
  process.on("disconnect", () => void transport.close());
  process.send({ address: transport.address });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function send(address, child) {
  const next = () => new Promise((resolve) => child.once("message", resolve));
  const transport = new ConnectReplicaTransport();
  await new Promise((resolve) => {
    void transport.start(context(0, "127.0.0.1:0", [{ nodeId: 1, address }], { onConnected: resolve }));
  });
  const update = new Uint8Array(100);
  // Encoded once, as when one proposal goes to several peers.
  const proposal = create(ProposalSchema, { view: 1n, seq: 1n, updates: [update] });
  const message = create(MessageSchema, { to: 1n, type: { case: "proposal", value: proposal } });
  for (const perTurn of [1, 16, 256, 2048]) {
    const total = perTurn === 1 ? 204_800 : 1_024_000;
    child.send(total);
    await next();
    let received = 0;
    const onReport = (count) => (received = count);
    child.on("message", onReport);
    const start = performance.now();
    for (let sent = 0; sent < total; sent += perTurn) {
      for (let i = 0; i < perTurn; i++) transport.send(message);
      do await turn();
      while (sent - received > window);
    }
    while (received < total) await turn();
    const seconds = (performance.now() - start) / 1000;
    child.off("message", onReport);
    const dropped = Object.entries(transport.counters()).filter(([, count]) => count > 0);
    if (dropped.length > 0) throw new Error(`dropped: ${dropped.join(" ")}`);
    console.log(`messages of 100 B, ${perTurn} per turn: ${Math.round(total / seconds / 1000)} k/s`);
  }
  await transport.close();
}

const percentile = (sorted, p) => sorted[Math.floor(sorted.length * p)].toFixed(2);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Updates per second, with so many in flight. */
async function call(transport, address, inFlight, total) {
  const { signal } = new AbortController();
  const latencies = [];
  let timestamp = 0n;
  const worker = async (calls) => {
    for (let i = 0; i < calls; i++) {
      const update = create(ClientUpdateSchema, {
        clientId: 1n,
        timestamp: ++timestamp,
        update: new Uint8Array(100),
      });
      const start = performance.now();
      await transport.clientUpdate(address, update, signal);
      latencies.push(performance.now() - start);
    }
  };
  const round = (calls) => Promise.all(Array.from({ length: inFlight }, () => worker(calls)));
  const each = Math.ceil(total / inFlight);
  await round(Math.ceil(each / 4));
  latencies.length = 0;
  const start = performance.now();
  await round(each);
  const perSecond = latencies.length / ((performance.now() - start) / 1000);
  latencies.sort((a, b) => a - b);
  return { perSecond, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}

/** Stream and calls in turn, so that what else the machine does strikes both; medians of three rounds. */
async function compare(address, protocol, inFlight) {
  const results = { stream: [], unary: [] };
  const kinds = Object.keys(results);
  const transports = kinds.map((updates) => new ConnectClientTransport({ protocol, updates }));
  for (let round = 0; round < 3; round++) {
    for (const [i, updates] of kinds.entries())
      results[updates].push(await call(transports[i], address, inFlight, inFlight === 1 ? 1000 : 8000));
  }
  const rates = kinds.map((updates) => median(results[updates].map(({ perSecond }) => perSecond)));
  for (const [i, updates] of kinds.entries()) {
    const { p50, p99 } = results[updates].at(-1);
    console.log(
      `updates of 100 B, ${protocol} ${updates}, ${inFlight} in flight: ${Math.round(rates[i])} /s, p50 ${p50} ms, p99 ${p99} ms`,
    );
  }
  console.log(`  stream to unary: ${(rates[0] / rates[1]).toFixed(1)}`);
  await Promise.all(transports.map((transport) => transport.close()));
}

if (process.send !== undefined) {
  await receive();
} else {
  const child = fork(fileURLToPath(import.meta.url));
  const { address } = await new Promise((resolve) => child.once("message", resolve));
  if (process.argv[2] !== "updates") await send(address, child);
  for (const protocol of ["connect", "grpc"])
    for (const inFlight of [1, 64, 256]) await compare(address, protocol, inFlight);
  const transport = new ConnectClientTransport();
  const { perSecond } = await call(transport, address, 4096, 40_000);
  console.log(`updates of 100 B, connect stream, 4096 in flight: ${Math.round(perSecond)} /s`);
  await transport.close();
  child.disconnect();
}
