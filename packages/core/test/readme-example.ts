import { firstEpoch, restartNode, Sessions, type Node, type Save, type Storage } from "@paxos/core";
import type { Message } from "@paxos/proto";

interface Member {
  readonly node: Node;
  readonly storage: LogStorage;
  readonly sessions: Sessions;
  readonly applied: string[];
}

// The loop: call it after each input. It is always correct.
async function work({ node, storage, sessions, applied }: Member): Promise<void> {
  for (let rd; (rd = node.ready());) {
    if (rd.save) {
      await storage.save(rd.save); // 1. make it durable
      rd.save.messages.forEach(send); // 2. then let its promises go
    }
    rd.messages.forEach(send); // 3. send the rest
    for (const ordered of rd.orderedUpdates) {
      if (ordered.noop) continue;
      // 4. apply, in order, each once; what this returns is the answer for the client
      sessions.execute(ordered, (update, seq) => {
        applied.push(`${seq} ${new TextDecoder().decode(update)}`);
        return new Uint8Array();
      });
    }
    node.advance(rd); // 5. tell the core: saved and applied
    for (const read of rd.reads) {
      node.answer(read, await storage.read(read.from, read.upTo, read.maxBytes)); // 6. read what it asks for
    }
  }
}

// Stands in for a disk: it forgets with its process. Whatever takes no snapshots needs no more of the port than this.
type LogStorage = Pick<Storage, "load" | "save" | "read" | "close">;

class VolatileStorage implements LogStorage {
  readonly #log = new Map<number, { readonly rank: number; readonly update: Uint8Array }>();
  constructor(readonly storeId: bigint) {}

  load = async () => ({ storeId: this.storeId, runs: [] });
  close = async () => undefined;

  async save({ runs }: Save) {
    for (const { ordered, proposal } of runs) {
      proposal?.updates.forEach((update, i) => {
        const seq = Number(proposal.seq) + i;
        const rank = ordered ? Infinity : Number(proposal.view); // the highest view counts, unless known as ordered
        if (rank >= (this.#log.get(seq)?.rank ?? 0)) this.#log.set(seq, { rank, update });
      });
    }
  }

  async read(from: number, upTo: number, maxBytes: number) {
    const updates: Uint8Array[] = [];
    for (let seq = from, bytes = 0; seq <= upTo; seq++) {
      const update = this.#log.get(seq)?.update;
      if (update === undefined) throw new Error(`seq ${seq} is missing`);
      if ((bytes += update.length) > maxBytes && updates.length > 0) break;
      updates.push(update);
    }
    return { seq: from, updates, firstSeq: 1 };
  }
}

// Stands in for a network.
const network: Message[] = [];
const send = (message: Message) => network.push(message);

const epochRecord = firstEpoch(["a:2346", "b:2346", "c:2346"]);
const members: Member[] = [];
for (const nodeId of [0, 1, 2]) {
  const storage = new VolatileStorage(BigInt(100 + nodeId));
  const node = restartNode({ nodeId, epochRecord, seed: nodeId }, await storage.load());
  members.push({ node, storage, sessions: new Sessions(), applied: [] });
}

// Any node takes updates. This one is on its way as soon as there is a leader.
members[0]?.node.propose({ clientId: 7n, timestamp: 1n, update: new TextEncoder().encode("hello") });

while (members.some(({ applied }) => applied.length === 0)) {
  for (const { node } of members) node.tick(); // every 10 ms, with a clock
  for (const message of network.splice(0)) members[Number(message.to)]?.node.step(message);
  for (const member of members) await work(member);
}
for (const [nodeId, { applied }] of members.entries())
  console.log(`node ${nodeId} applied: ${applied.join(", ")}`);
