// Nodes in one process: nothing but the protocol. Messages are handed over in memory, saves are durable at once.
import { firstEpoch, restartNode, type Node } from "@paxos/core";
import type { Message } from "@paxos/proto";

/** Cores that talk to each other, of which one leads. */
export class Cores {
  readonly #nodes: readonly Node[];
  readonly #leader: number;
  readonly #queue: Message[] = [];
  /** How many updates each has handed out. */
  readonly #ordered: number[];
  #timestamp = 0n;

  constructor(count: number) {
    const addresses = Array.from({ length: count }, (_, nodeId) => `node-${nodeId}:1`);
    const epochRecord = firstEpoch(addresses);
    this.#nodes = addresses.map((_, nodeId) =>
      restartNode({ nodeId, epochRecord, seed: nodeId }, { storeId: BigInt(nodeId + 1), runs: [] }),
    );
    this.#ordered = addresses.map(() => 0);
    while (this.#nodes.every((node) => node.status().role !== "leader")) this.#tick();
    // The others hear of it, and it of them.
    for (let i = 0; i < 100; i++) this.#tick();
    this.#leader = this.#nodes.findIndex((node) => node.status().role === "leader");
  }

  /** Orders updates on all nodes, with so many under way at once. */
  order(updates: number, inFlight: number, update: Uint8Array): void {
    const leader = this.#nodes[this.#leader] as Node;
    const goal = (this.#ordered[this.#leader] as number) + updates;
    for (let left = updates; left > 0;) {
      const turn = Math.min(left, inFlight);
      for (let i = 0; i < turn; i++) {
        const result = leader.propose({ clientId: 1n, timestamp: ++this.#timestamp, update });
        if (result !== "queued") throw new Error(`update ${this.#timestamp} was ${result}`);
      }
      this.#carryOut(leader, this.#leader);
      this.#settle();
      left -= turn;
    }
    // The last Accepts have gone to all, so that nothing is left to be learnt.
    if (this.#ordered.some((ordered) => ordered !== goal))
      throw new Error(`ordered ${this.#ordered.join(", ")}, not ${goal}`);
  }

  #tick(): void {
    for (const [id, node] of this.#nodes.entries()) {
      node.tick();
      this.#carryOut(node, id);
    }
    this.#settle();
  }

  /** Hands over what is under way until nothing is. Inputs of one turn are taken together, as the driver does. */
  #settle(): void {
    const queue = this.#queue;
    for (let i = 0; i < queue.length; i++) {
      const message = queue[i] as Message;
      const to = Number(message.to);
      const node = this.#nodes[to] as Node;
      node.step(message);
      if (queue[i + 1]?.to !== message.to) this.#carryOut(node, to);
    }
    queue.length = 0;
  }

  #carryOut(node: Node, id: number): void {
    for (let ready; (ready = node.ready()) !== undefined;) {
      this.#queue.push(...ready.messages);
      if (ready.save !== undefined) this.#queue.push(...ready.save.messages);
      for (const { noop } of ready.orderedUpdates)
        if (!noop) this.#ordered[id] = (this.#ordered[id] as number) + 1;
      node.advance(ready);
    }
  }
}
