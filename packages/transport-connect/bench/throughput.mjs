// Measures what one connection moves between two processes on loopback: messages from peer to peer, and updates
// of clients. Build first, then: node bench/throughput.mjs
import { create } from "@bufbuild/protobuf";
import { ClientUpdateSchema, GloballyOrderedUpdateSchema, MessageSchema, ProposalSchema } from "@paxos/proto";
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ConnectClientTransport, ConnectReplicaTransport } from "../dist/index.js";

const clusterId = new Uint8Array(32);
const context = (nodeId, address, peers, callbacks) => ({
  identity: { clusterId, nodeId, storeId: BigInt(nodeId + 1) },
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

async function call(address, protocol, inFlight) {
  const transport = new ConnectClientTransport({ protocol });
  const { signal } = new AbortController();
  const update = create(ClientUpdateSchema, { clientId: 1n, timestamp: 1n, update: new Uint8Array(100) });
  const latencies = [];
  const worker = async (calls) => {
    for (let i = 0; i < calls; i++) {
      const start = performance.now();
      await transport.clientUpdate(address, update, signal);
      latencies.push(performance.now() - start);
    }
  };
  const round = (calls) => Promise.all(Array.from({ length: inFlight }, () => worker(calls)));
  const each = Math.ceil(10_000 / inFlight);
  await round(Math.ceil(each / 4));
  latencies.length = 0;
  const start = performance.now();
  await round(each);
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const percentile = (p) => latencies[Math.floor(latencies.length * p)].toFixed(2);
  console.log(
    `updates of 100 B, ${protocol}, ${inFlight} in flight: ${Math.round(latencies.length / seconds)} /s, p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms`,
  );
  await transport.close();
}

if (process.send !== undefined) {
  await receive();
} else {
  const child = fork(fileURLToPath(import.meta.url));
  const { address } = await new Promise((resolve) => child.once("message", resolve));
  await send(address, child);
  for (const protocol of ["connect", "grpc"])
    for (const inFlight of [1, 64, 256]) await call(address, protocol, inFlight);
  child.disconnect();
}
