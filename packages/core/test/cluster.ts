import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  decodeClientUpdate,
  encodeClientUpdate,
  encodeMessage,
  EpochRecordSchema,
  MessageSchema,
  UpdateKind,
  type EpochRecord,
  type Message,
} from "@paxos/proto";
import type { ProposeResult } from "../src/client-update.js";
import type { Config } from "../src/config.js";
import type { Logger } from "../src/logger.js";
import { firstEpoch } from "../src/membership.js";
import { restartNode, type Node } from "../src/node.js";
import type { OrderedUpdate, Refusal } from "../src/outbox.js";
import type { AdmissionRefusal, Save } from "../src/ports.js";
import { protocolVersions } from "../src/protocol-versions.js";
import type { NodeStatus } from "../src/status.js";
import { MemoryDisk } from "./memory-disk.js";

export interface Member {
  readonly id: number;
  disk: MemoryDisk;
  /** Undefined while crashed. */
  node: Node | undefined;
  /** A save that has left the node and is not durable yet. */
  pending: Save | undefined;
  /** The membership that it begins with; undefined while it has not joined. */
  record: EpochRecord | undefined;
  /** What its release knows: of the protocol between peers, and of commands. For the next introduction, and the next start. */
  release: { readonly protocolVersion: number; readonly commandVersion: number };
  /** It was removed, and a peer has said so. */
  out: boolean;
  /** Whether saves wait for {@link Cluster.flush} instead of becoming durable at once. */
  slowDisk: boolean;
  /** Everything applied since the last start. */
  applied: OrderedUpdate[];
  refusals: Refusal[];
}

export interface InFlight {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
  /** In place of the bytes, where nothing is encoded. */
  readonly message?: Message;
}

/** Real nodes on a network and disks in memory. Nothing happens unless it is asked for; nothing is random. */
export class Cluster {
  readonly members: Member[];
  /** Messages on their way, oldest first. */
  readonly network: InFlight[] = [];
  /** One-way links that lose everything, as "from>to". */
  readonly cuts = new Set<string>();
  /** Decides about each message when it is sent; false loses it. */
  passes: (message: InFlight) => boolean = () => true;
  onLog: (id: number, line: string) => void = () => undefined;
  onDelivered: (message: Message) => void = () => undefined;
  onSaved: (id: number, save: Save) => void = () => undefined;
  onRestored: (id: number, seq: number) => void = () => undefined;
  /** What nodes' clocks show; undefined: they have none. */
  nowMs: number | undefined;
  onReadable: (id: number, number: number) => void = () => undefined;
  /** How many processes there have been. */
  starts = 0;
  /** The size of a snapshot's chunks. */
  chunkBytes = 64;
  onApplied: (id: number, updates: readonly OrderedUpdate[]) => void = () => undefined;
  /** The nodes' seeds are this plus their ids, unless the configuration has one for all. */
  firstSeed = 1;
  /** Whether messages travel as bytes. Long tests are faster without. */
  encodes = true;
  readonly #config: Partial<Config>;
  readonly #record: EpochRecord;

  constructor(size: number, config: Partial<Config> = {}) {
    this.#config = config;
    this.#record =
      config.epochRecord ?? firstEpoch(Array.from({ length: size }, (_, id) => `node-${id}:2346`));
    this.members = Array.from({ length: size }, (_, id) => newMember(id, this.#record, false));
  }

  /** A node with a new disk, which joins a cluster of which this is the membership by now. */
  join(id: number, record: EpochRecord): void {
    while (this.members.length <= id) {
      this.members.push(newMember(this.members.length, undefined, this.members[0]?.slowDisk ?? false));
    }
    this.member(id).record = record;
    this.start(id);
  }

  /** A node introduces itself to another, as on a new connection. Undefined: it is admitted. */
  introduce(from: number, to: number): AdmissionRefusal | undefined {
    const caller = this.member(from);
    const { node } = this.member(to);
    if (caller.node === undefined || node === undefined) return undefined;
    const { saveHistory } = caller.node;
    const epochRecord = toBinary(EpochRecordSchema, caller.node.epochRecord);
    const address = `node-${from}:2346`;
    const who = {
      address,
      nodeId: from,
      storeId: caller.disk.storeId,
      incarnation: BigInt(from),
      saveHistory,
      epochRecord,
      ...caller.release,
    };
    const refusal = node.admit(who);
    this.pump(to);
    if (refusal?.reason !== "removed") return refusal;
    caller.out = true;
    this.crash(from);
    return refusal;
  }

  /** Starts these nodes, or all. */
  start(...ids: number[]): this {
    for (const id of ids.length > 0 ? ids : this.members.keys()) {
      const member = this.member(id);
      member.applied = restored(member.disk);
      member.pending = undefined;
      const logger: Logger = {
        verbose: false,
        debug: () => undefined,
        info: (line) => this.onLog(id, line),
        warn: (line) => this.onLog(id, `warning: ${line}`),
        error: (line) => this.onLog(id, `error: ${line}`),
      };
      const config = {
        seed: this.firstSeed + id,
        ...this.#config,
        nodeId: id,
        epochRecord: member.record ?? this.#record,
        incarnation: BigInt(++this.starts),
        commandVersion: member.release.commandVersion,
        logger,
      };
      this.onRestored(id, member.applied.length);
      member.node = restartNode(config, member.disk.load());
      this.pump(id);
    }
    return this;
  }

  /** Ends a node; what is not durable is lost. */
  crash(...ids: number[]): void {
    for (const id of ids) {
      this.member(id).node = undefined;
      this.member(id).pending = undefined;
    }
  }

  member(id: number): Member {
    const member = this.members[id];
    if (member === undefined) throw new Error(`no node ${id}`);
    return member;
  }

  get up(): Member[] {
    return this.members.filter((member) => member.node !== undefined);
  }

  status(id: number): NodeStatus {
    const { node } = this.member(id);
    if (node === undefined) throw new Error(`node ${id} is down`);
    return node.status();
  }

  /**
   * The node that leads with a quorum behind it, if there is one: of several, the one of the highest view.
   */
  leader(): number | undefined {
    const leaders = this.up.map(({ id }) => this.status(id)).filter(({ role }) => role === "leader");
    return leaders.sort((a, b) => b.view - a.view)[0]?.nodeId;
  }

  propose(id: number, clientId: bigint, timestamp: bigint, text = `${clientId}/${timestamp}`): ProposeResult {
    const { node } = this.member(id);
    if (node === undefined) throw new Error(`node ${id} is down`);
    const result = node.propose({ clientId, timestamp, update: new TextEncoder().encode(text) });
    this.pump(id);
    return result;
  }

  cut(from: number, to: number): void {
    this.cuts.add(`${from}>${to}`);
  }

  /** Cuts a node off, both ways. */
  isolate(id: number): void {
    for (const other of this.members) {
      if (other.id === id) continue;
      this.cut(id, other.id);
      this.cut(other.id, id);
    }
  }

  heal(): void {
    this.cuts.clear();
  }

  /** Does what a node's `ready` asks for, until it asks for nothing more. */
  pump(id: number): void {
    const member = this.member(id);
    for (;;) {
      const { node } = member;
      const ready = node?.ready(this.nowMs);
      if (node === undefined || ready === undefined) return;
      for (const message of ready.messages) this.#post(message);
      member.refusals.push(...ready.refusals);
      if (ready.orderedUpdates.length > 0) {
        for (const update of ready.orderedUpdates) member.applied.push(copyOf(update));
        this.onApplied(id, ready.orderedUpdates);
        node.applied(member.applied.at(-1)?.seq ?? 0);
      }
      if (ready.readable !== undefined) this.onReadable(id, ready.readable);
      if (ready.save !== undefined) {
        member.pending = ready.save;
        if (!member.slowDisk) this.#complete(member);
      }
      for (const read of ready.reads) {
        node.answer(read, member.disk.read(read.from, read.upTo, read.maxBytes));
      }
      for (const chunk of ready.chunkWrites) {
        node.chunkReceived(chunk, member.disk.receiveChunk(chunk.snapshot, chunk.index, chunk));
      }
      for (const read of ready.chunkReads) {
        node.answerChunk(read, member.disk.readChunk(read.snapshot, read.index));
      }
      if (ready.restore !== undefined) {
        member.applied = restored(member.disk);
        this.onRestored(id, Number(ready.restore.seq));
        node.restored(Number(ready.restore.seq));
      }
    }
  }

  /** A node takes a snapshot of what it has applied and durably knows as ordered. False when it has one of that. */
  takeSnapshot(id: number): boolean {
    const { node, disk, applied } = this.member(id);
    const { durableAru, applied: last, snapshot } = this.status(id);
    const seq = Math.min(durableAru, last);
    if (node === undefined || seq <= Number(snapshot?.seq ?? 0n)) return false;
    const content = contentOf(applied.slice(0, seq));
    node.snapshotTaken(
      disk.takeSnapshot(seq, this.#recordAt(applied.slice(0, seq)), content, this.chunkBytes),
    );
    return true;
  }

  /** The membership after these updates. */
  #recordAt(applied: readonly OrderedUpdate[]): EpochRecord {
    const last = applied.findLast(({ kind }) => kind === UpdateKind.STOP_SIGN);
    return last === undefined ? this.#record : fromBinary(EpochRecordSchema, last.update);
  }

  /** A node drops what it need not keep of its log, less a tail, and old snapshots. */
  compact(id: number, tail = 0): void {
    const { node, disk } = this.member(id);
    const latest = node?.status().snapshot;
    if (node === undefined || latest === undefined) return;
    const { snapshots, logFrom = Infinity } = node.retention();
    disk.compact(Math.max(1, Math.min(Number(latest.seq) + 1 - tail, logFrom)), snapshots);
  }

  /** Makes a node's pending save durable. */
  flush(id: number): void {
    const member = this.member(id);
    if (member.pending === undefined) return;
    this.#complete(member);
    this.pump(id);
  }

  #complete(member: Member): void {
    const { pending, node } = member;
    if (pending === undefined || node === undefined) return;
    member.disk.write(pending);
    member.pending = undefined;
    for (const message of pending.messages) this.#post(message);
    this.onSaved(member.id, pending);
    node.saved(pending);
  }

  #post(message: Message): void {
    const ends = { from: Number(message.from), to: Number(message.to) };
    const inFlight = this.encodes
      ? { ...ends, bytes: encodeMessage(message) }
      : { ...ends, bytes: new Uint8Array(), message };
    if (!this.cuts.has(`${inFlight.from}>${inFlight.to}`) && this.passes(inFlight))
      this.network.push(inFlight);
  }

  /** Delivers the message at this place in the network's queue. */
  deliver(index = 0): void {
    const [inFlight] = this.network.splice(index, 1);
    if (inFlight === undefined || this.cuts.has(`${inFlight.from}>${inFlight.to}`)) return;
    // Who has not joined yet is not there.
    const node = this.members[inFlight.to]?.node;
    if (node === undefined) return;
    const message = inFlight.message ?? fromBinary(MessageSchema, inFlight.bytes);
    this.onDelivered(message);
    node.step(message);
    this.pump(inFlight.to);
  }

  /** Delivers everything, and what that leads to, until the network is quiet. */
  settle(): void {
    for (let i = 0; this.network.length > 0; i++) {
      if (i > 1_000_000) throw new Error("the network never gets quiet");
      this.deliver();
    }
  }

  /** Ticks these nodes, or all, and delivers everything after each tick. */
  tick(ticks: number, ...ids: number[]): void {
    for (let i = 0; i < ticks; i++) {
      for (const { id, node } of this.members) {
        if (ids.length > 0 && !ids.includes(id)) continue;
        node?.tick();
        this.pump(id);
      }
      this.settle();
    }
  }

  /** Ticks until the condition holds. */
  tickUntil(condition: () => boolean, what: string, ticks = 5000): number {
    for (let i = 0; i <= ticks; i++) {
      if (condition()) return i;
      this.tick(1);
    }
    throw new Error(`not within ${ticks} ticks: ${what}`);
  }

  /** Ticks until somebody leads and all nodes that are up follow. */
  elect(ticks = 5000): number {
    this.tickUntil(
      () => {
        const leader = this.leader();
        return leader !== undefined && this.up.every(({ id }) => this.status(id).leader === leader);
      },
      "a leader that all follow",
      ticks,
    );
    return this.leader() as number;
  }
}

/** A member with a new disk that has not been started. */
function newMember(id: number, record: EpochRecord | undefined, slowDisk: boolean): Member {
  return {
    id,
    disk: new MemoryDisk(BigInt(1000 + id)),
    node: undefined,
    pending: undefined,
    record,
    release: { protocolVersion: protocolVersions.newest, commandVersion: 0 },
    out: false,
    slowDisk,
    applied: [],
    refusals: [],
  };
}

/** What a node applied, as text, no-ops left out. */
export function log(member: Member): string[] {
  return member.applied
    .filter((update) => !update.noop)
    .map((update) => `${update.clientId}/${update.timestamp}`);
}

/** What was applied, from seq 1 on, for a snapshot. */
function contentOf(applied: readonly OrderedUpdate[]): Uint8Array {
  const lines = applied.map((update) =>
    update.noop && update.update.length === 0 ? "" : Buffer.from(encodeClientUpdate(update)).toString("hex"),
  );
  return new TextEncoder().encode(lines.join("\n"));
}

/** What the latest snapshot on a disk says was applied. */
function restored(disk: MemoryDisk): OrderedUpdate[] {
  if (disk.latest === undefined) return [];
  const lines = new TextDecoder().decode(disk.latest).split("\n");
  return lines.map((line, i) => {
    const fields = decodeClientUpdate(Buffer.from(line, "hex"));
    return { seq: i + 1, noop: fields.clientId === 0n, ...fields };
  });
}

/** With all that it says: it is decoded when it is looked at. */
function copyOf(ordered: OrderedUpdate): OrderedUpdate {
  const { seq, noop, clientId, nodeId, timestamp, update, kind, session, answeredUpTo } = ordered;
  return { seq, noop, clientId, nodeId, timestamp, update, kind, session, answeredUpTo };
}
