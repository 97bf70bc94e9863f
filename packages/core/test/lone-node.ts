import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { encodeClientUpdate, MessageSchema, type Message, type Snapshot } from "@paxos/proto";
import type { Config } from "../src/config.js";
import { firstEpoch } from "../src/membership.js";
import { restartNode, type Node } from "../src/node.js";
import type { MessageContent, OrderedUpdate, ReadRequest, Refusal } from "../src/outbox.js";
import type { Save } from "../src/ports.js";
import type { NodeStatus } from "../src/status.js";
import { MemoryDisk } from "./memory-disk.js";

type Kind = NonNullable<Message["type"]["case"]>;

/** What a message of this kind says, with the node it goes to. */
export type Sent<K extends Kind> = { readonly to: number } & Extract<Message["type"], { case: K }>["value"];

/** An encoded update of client 7. */
export function update(timestamp: number, text = `update ${timestamp}`): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return encodeClientUpdate({ clientId: 7n, nodeId: 0n, timestamp: BigInt(timestamp), update: bytes });
}

/** A proposal of these updates, at seq, seq + 1, and so on. */
export function proposal(
  nodeId: number,
  view: number,
  seq: number,
  ...updates: Uint8Array[]
): MessageContent {
  return {
    case: "proposal",
    value: { nodeId: BigInt(nodeId), view: BigInt(view), seq: BigInt(seq), updates },
  };
}

export function storeOf(id: number): bigint {
  return 1000n + BigInt(id);
}

/**
 * One real node whose peers are played by the test, message by message. Its disk is slow: a save stays under
 * way until {@link flush}. Everything else that `ready` asks for is done after each input.
 */
export class LoneNode {
  readonly disk: MemoryDisk;
  node!: Node;
  /** The save under way. */
  save: Save | undefined;
  /** Every save that has become durable. */
  readonly saves: Save[] = [];
  /** What has left and was not yet taken by {@link take}. */
  readonly #sent: Message[] = [];
  applied: OrderedUpdate[] = [];
  /** Of the next process. */
  incarnation: bigint | undefined;
  /** Whether reads from the disk wait for {@link answerReads}. */
  slowReads = false;
  #reads: ReadRequest[] = [];
  readonly refusals: Refusal[] = [];
  /** Snapshots that the node wants the state machine restored from, until {@link restore}. */
  restoring: Snapshot | undefined;
  readonly #config: Config;

  constructor(
    readonly id: number,
    voters: number,
    config: Partial<Config> = {},
  ) {
    const epochRecord = firstEpoch(Array.from({ length: voters }, (_, peer) => `node-${peer}:2346`));
    this.#config = { seed: 1, epochRecord, ...config, nodeId: id };
    this.disk = new MemoryDisk(storeOf(id));
    this.restart();
  }

  get peers(): number[] {
    const { voters, learners } = this.#config.epochRecord;
    return [...voters, ...learners].map(({ nodeId }) => Number(nodeId)).filter((peer) => peer !== this.id);
  }

  get status(): NodeStatus {
    return this.node.status();
  }

  /** Starts anew from the disk; a save under way is lost. */
  restart(): void {
    this.save = undefined;
    this.restoring = undefined;
    this.applied = [];
    this.#reads = [];
    this.#sent.length = 0;
    const config =
      this.incarnation === undefined ? this.#config : { ...this.#config, incarnation: this.incarnation };
    this.node = restartNode(config, this.disk.load());
    this.#pump();
  }

  /** Every peer, or these, have been met, and their stores are durably on record. */
  meet(...peers: number[]): this {
    for (const peer of peers.length > 0 ? peers : this.peers)
      this.receive(peer, { case: "heartbeat", value: {} });
    this.flushAll();
    return this;
  }

  /** A message arrives, as bytes that were decoded. */
  receive(from: number, type: MessageContent, storeId = storeOf(from)): this {
    const message = create(MessageSchema, { to: BigInt(this.id), from: BigInt(from), storeId, type });
    this.node.step(fromBinary(MessageSchema, toBinary(MessageSchema, message)));
    this.#pump();
    return this;
  }

  propose(timestamp: number, text = `update ${timestamp}`) {
    const bytes = new TextEncoder().encode(text);
    const result = this.node.propose({ clientId: 7n, timestamp: BigInt(timestamp), update: bytes });
    this.#pump();
    return result;
  }

  tick(ticks: number): this {
    for (let i = 0; i < ticks; i++) {
      this.node.tick();
      this.#pump();
    }
    return this;
  }

  /** The save under way becomes durable, and its messages leave. */
  flush(): Save {
    const { save } = this;
    if (save === undefined) throw new Error("no save is under way");
    this.writeOnly();
    this.save = undefined;
    this.#sent.push(...save.messages);
    this.node.saved(save);
    this.#pump();
    return save;
  }

  /** The save under way becomes durable, and the node does not get to know. */
  writeOnly(): void {
    if (this.save === undefined) throw new Error("no save is under way");
    this.disk.write(this.save);
    this.saves.push(this.save);
  }

  /** The disk answers what it was asked so far. */
  answerReads(): void {
    this.#answer();
    this.#pump();
  }

  /** The state machine has been given the snapshot that was installed. */
  restore(): this {
    if (this.restoring === undefined) throw new Error("nothing is to be restored");
    const seq = Number(this.restoring.seq);
    this.restoring = undefined;
    this.node.restored(seq);
    this.#pump();
    return this;
  }

  /** Takes a snapshot of what has been applied. */
  takeSnapshot(content = `up to ${this.status.applied}`, chunkBytes = 4): Snapshot {
    const bytes = new TextEncoder().encode(content);
    const snapshot = this.disk.takeSnapshot(this.status.applied, this.node.epochRecord, bytes, chunkBytes);
    this.node.snapshotTaken(snapshot);
    return snapshot;
  }

  flushAll(): this {
    while (this.save !== undefined) this.flush();
    return this;
  }

  /** The messages of this kind that have left since they were last taken. */
  take<K extends Kind>(kind: K): Sent<K>[] {
    const taken: Sent<K>[] = [];
    for (let i = 0; i < this.#sent.length; i++) {
      const { to, type } = this.#sent[i] as Message;
      if (type.case !== kind) continue;
      taken.push(Object.assign({ to: Number(to) }, type.value) as unknown as Sent<K>);
      this.#sent.splice(i--, 1);
    }
    return taken;
  }

  /**
   * Makes it leader of `view`, with the votes of these peers and nothing accepted before. Everything is
   * durable then.
   */
  lead(view: number, ...voters: number[]): this {
    for (const voter of voters) {
      this.receive(voter, { case: "viewChange", value: { attemptedView: BigInt(view), hearsQuorum: true } });
    }
    this.flushAll();
    for (const voter of voters) this.receive(voter, { case: "prepareOk", value: { view: BigInt(view) } });
    if (this.status.role !== "leader") throw new Error(`node ${this.id} does not lead view ${view}`);
    return this.flushAll();
  }

  #pump(): void {
    for (let ready = this.node.ready(); ready !== undefined; ready = this.node.ready()) {
      this.#sent.push(...ready.messages);
      this.refusals.push(...ready.refusals);
      if (ready.save !== undefined) {
        if (this.save !== undefined) throw new Error("two saves under way");
        this.save = ready.save;
      }
      this.applied.push(...ready.orderedUpdates);
      if (ready.orderedUpdates.length > 0) this.node.applied(this.applied.at(-1)?.seq ?? 0);
      this.#reads.push(...ready.reads);
      if (!this.slowReads) this.#answer();
      for (const chunk of ready.chunkWrites) {
        this.node.chunkReceived(chunk, this.disk.receiveChunk(chunk.snapshot, chunk.index, chunk));
      }
      for (const read of ready.chunkReads) {
        this.node.answerChunk(read, this.disk.readChunk(read.snapshot, read.index));
      }
      this.restoring = ready.restore ?? this.restoring;
    }
  }

  #answer(): void {
    for (const read of this.#reads.splice(0)) {
      this.node.answer(read, this.disk.read(read.from, read.upTo, read.maxBytes));
    }
  }
}
