// The core alone: three nodes in one process, messages handed over in memory, saves durable at once.
import { fromBinary } from "@bufbuild/protobuf";
import { firstEpoch, restartNode, type Node } from "@paxos/core";
import { encodeMessage, MessageSchema, type Message } from "@paxos/proto";
import { rate } from "./report.js";

const nodes = 3;
const perTurn = 256;

/**
 * Updates per second ordered on all three nodes; with `encoded`, each message is encoded and decoded on its
 * way.
 */
export function benchCore(updates: number, updateBytes: number, encoded: boolean): number {
  const epochRecord = firstEpoch(["a:1", "b:1", "c:1"]);
  const cluster = Array.from({ length: nodes }, (_, nodeId) =>
    restartNode({ nodeId, epochRecord, seed: nodeId }, { storeId: BigInt(nodeId + 1), runs: [] }),
  );
  const applied = Array.from({ length: nodes }, () => 0);
  const queue: Message[] = [];
  const send = (message: Message) => {
    queue.push(encoded ? fromBinary(MessageSchema, encodeMessage(message)) : message);
  };
  const pump = (node: Node, id: number) => {
    for (let ready; (ready = node.ready());) {
      ready.messages.forEach(send);
      ready.save?.messages.forEach(send);
      for (const update of ready.orderedUpdates) if (!update.noop) applied[id] = (applied[id] ?? 0) + 1;
      node.advance(ready);
    }
  };
  const settle = () => {
    for (let i = 0; i < queue.length; i++) {
      const message = queue[i] as Message;
      const to = Number(message.to);
      (cluster[to] as Node).step(message);
      // Inputs of one turn are taken together, as the driver does.
      if (queue[i + 1]?.to !== message.to) pump(cluster[to] as Node, to);
    }
    queue.length = 0;
  };
  for (let i = 0; i < 100; i++) {
    cluster.forEach((node, id) => (node.tick(), pump(node, id)));
    settle();
  }
  const leader = cluster.findIndex((node) => node.status().role === "leader");
  const update = new Uint8Array(updateBytes);
  const started = performance.now();
  for (let sent = 0; sent < updates;) {
    for (let i = 0; i < perTurn; i++) {
      const result = (cluster[leader] as Node).propose({ clientId: 1n, timestamp: BigInt(++sent), update });
      if (result !== "queued") throw new Error(`update ${sent} was ${result}`);
    }
    pump(cluster[leader] as Node, leader);
    settle();
  }
  const perSecond = rate(applied[leader] ?? 0, started);
  if (Math.min(...applied) < updates) throw new Error(`ordered ${applied.join(", ")} of ${updates}`);
  return perSecond;
}

/** The yardstick: how many updates of the same size are encoded and decoded per second, a message each. */
export function benchEncoding(updates: number, updateBytes: number): number {
  const update = new Uint8Array(updateBytes);
  const message = fromBinary(MessageSchema, new Uint8Array());
  message.type = { case: "clientUpdate", value: update };
  const started = performance.now();
  let bytes = 0;
  for (let i = 0; i < updates; i++) {
    message.to = BigInt(i & 3);
    bytes += (fromBinary(MessageSchema, encodeMessage(message)).type.value as Uint8Array).length;
  }
  if (bytes !== updates * updateBytes) throw new Error("the yardstick lost something");
  return rate(updates, started);
}
