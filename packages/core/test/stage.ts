// What transcripts play on: a cluster whose messages can be held, lost and picked one by one, and which tells
// what happens.
import { fromBinary } from "@bufbuild/protobuf";
import { MessageSchema, type Message } from "@paxos/proto";
import type { Config } from "../src/config.js";
import { describeMessage } from "../src/describe.js";
import type { Save } from "../src/ports.js";
import { Cluster, type InFlight, type Member } from "./cluster.js";
import type { MemoryDisk } from "./memory-disk.js";
import { describeApplied, describeSave, describeSent, type SavedBefore } from "./stage-text.js";

/** Which messages: of a kind, on a link, or both. */
export interface Selection {
  readonly kind?: string;
  readonly link?: { readonly from: number; readonly to: number };
}

/** The kinds of messages, by the names that describeMessage gives them. */
export const messageKinds = [
  "ViewChange",
  "ViewChangeProof",
  "Heartbeat",
  "Prepare",
  "PrepareOK",
  "Proposal",
  "Accept",
  "ClientUpdate",
  "UpdateRefusal",
  "CatchUpRequest",
  "CatchUpAnswer",
  "SnapshotRequest",
  "SnapshotChunk",
  "LeaderTransfer",
  "ReadIndexRequest",
  "ReadIndexAnswer",
  "ConfirmView",
  "ViewConfirmed",
] as const;

export class Stage {
  /** Ticks since the cluster was made. */
  now = 0;
  holds: Selection[] = [];
  /** Copies of disks. */
  readonly copies = new Map<number, MemoryDisk>();
  /**
   * Kinds of messages, or "messages": told only when something visible follows from them. "saves", "applied",
   * "logs": not told.
   */
  hidden = new Set<string>(["Heartbeat"]);
  #cluster: Cluster | undefined;
  #output: string[] = [];
  /** Told before the next effect, if there is one. */
  #cause: string[] = [];
  /** Whether effects follow from a message. */
  #delivering = false;
  #savedBefore = new Map<number, SavedBefore>();
  /** How many refusals of each node have been told. */
  #refusalsTold = new Map<number, number>();
  /** The one order, as first applied anywhere. */
  #order: string[] = [];

  /** Makes a cluster, in the place of the one before. */
  makeCluster(size: number, config: Partial<Config>): void {
    this.now = 0;
    this.holds = [];
    this.hidden = new Set(["Heartbeat"]);
    this.#savedBefore = new Map();
    this.#refusalsTold = new Map();
    this.#order = [];
    const cluster = new Cluster(size, config);
    cluster.onLog = (id, line) => {
      if (!this.hidden.has("logs")) this.#effect(`${id}: ${line}`);
    };
    cluster.onSaved = (id, save) => this.#onSaved(id, save);
    cluster.onApplied = (id, updates) => {
      if (!this.hidden.has("applied"))
        this.#effect(`${id} applies ${updates.map(describeApplied).join(", ")}`);
    };
    cluster.chunkBytes = 24;
    cluster.onRestored = (id, seq) => {
      if (!this.hidden.has("applied") && cluster.member(id).node !== undefined)
        this.#effect(`${id} is given the snapshot at seq ${seq}`);
    };
    this.#cluster = cluster;
  }

  get cluster(): Cluster {
    if (this.#cluster === undefined) throw new Error("there is no cluster yet; begin with: cluster SIZE");
    return this.#cluster;
  }

  /** Members by their ids, or those that are up when no ids are given. */
  members(ids: readonly number[]): Member[] {
    return ids.length > 0 ? ids.map((id) => this.cluster.member(id)) : this.cluster.up;
  }

  say(line: string): void {
    this.#effect(line, true);
  }

  /** The output since the last call. */
  takeOutput(): string[] {
    const output = this.#output;
    this.#output = [];
    this.#cause = [];
    return output;
  }

  /** Does something without telling it. */
  silently(action: () => void): void {
    const output = this.takeOutput();
    action();
    this.#output = output;
    this.#cause = [];
  }

  /** A node's disk is a new one. */
  forgetSaves(id: number): void {
    this.#savedBefore.delete(id);
  }

  /** Lets a tick pass on these nodes, then delivers everything that is not held. */
  tick(ids: readonly number[]): void {
    this.now++;
    this.#cause = [`[tick ${this.now}]`];
    for (const { id, node } of this.members(ids)) {
      node?.tick();
      this.cluster.pump(id);
    }
    this.deliverAll();
    this.#cause = [];
  }

  /** Delivers everything that is not held, and what that leads to. */
  deliverAll(): void {
    for (let i = 0; this.deliverNext({}, true); i++) {
      if (i > 100_000) throw new Error("the network never gets quiet");
    }
  }

  /** Delivers the oldest such message; false when there is none. */
  deliverNext(selection: Selection, exceptHeld = false): boolean {
    const index = this.cluster.network.findIndex((message) => {
      return (
        matches(message, selection) && !(exceptHeld && this.holds.some((held) => matches(message, held)))
      );
    });
    const inFlight = this.cluster.network[index];
    if (inFlight === undefined) return false;
    const { to, from } = inFlight;
    if (this.cluster.members[to]?.node !== undefined && !this.cluster.cuts.has(`${from}>${to}`)) {
      this.#tellMessage(decode(inFlight));
    }
    const tick = this.#cause.filter((line) => line.startsWith("["));
    this.#delivering = true;
    this.cluster.deliver(index);
    this.#delivering = false;
    // A hidden message without visible effect is forgotten; the tick in which it came is not, for something
    // may follow still.
    this.#cause = this.#cause.length > 0 ? tick : [];
    return true;
  }

  /** How many such messages are on their way. */
  count(selection: Selection): number {
    return this.cluster.network.filter((message) => matches(message, selection)).length;
  }

  /** Loses such messages that are on their way now, the oldest first, at most so many. */
  lose(selection: Selection, most: number): void {
    const { network } = this.cluster;
    const lost = network.filter((message) => matches(message, selection)).slice(0, most);
    let untold = 0;
    for (const message of lost) {
      network.splice(network.indexOf(message), 1);
      if (this.#isHidden(kindOf(message))) untold++;
      else this.say(`lost ${describeSent(decode(message))}`);
    }
    if (untold > 0)
      this.say(
        `lost ${untold}${selection.kind === undefined ? "" : ` ${selection.kind}`} that are not shown`,
      );
    if (lost.length === 0) throw new Error("there is no such message on its way");
  }

  /**
   * Safety rule 6, after each command: what nodes have applied are pieces of one order, from its beginning.
   */
  checkOrder(): void {
    for (const { id, applied } of this.#cluster?.members ?? []) {
      applied.forEach((update, i) => {
        const value = describeApplied(update);
        this.#order[i] ??= value;
        if (this.#order[i] !== value)
          throw new Error(`node ${id} applied ${value}, another ${this.#order[i]}`);
      });
    }
  }

  /** After each command: the updates that nodes wait for no more, though they are not ordered. */
  tellRefusals(): void {
    for (const { id, refusals } of this.#cluster?.members ?? []) {
      for (const { clientId, timestamp, code } of refusals.slice(this.#refusalsTold.get(id)))
        this.say(`${id} gives up ${clientId}/${timestamp}: ${code}`);
      this.#refusalsTold.set(id, refusals.length);
    }
  }

  #isHidden(kind: string): boolean {
    return this.hidden.has("messages") || this.hidden.has(kind);
  }

  #tellMessage(message: Message): void {
    const text = describeSent(message);
    if (this.#isHidden(kindOf(message))) this.#cause.push(text);
    else this.#effect(text, true);
  }

  #onSaved(id: number, save: Save): void {
    const text = describeSave(save, this.#savedBefore.get(id));
    this.#savedBefore.set(id, save.state);
    if (!this.hidden.has("saves")) this.#effect(`${id} saves #${save.number}: ${text}`);
  }

  #effect(line: string, cause = false): void {
    this.#output.push(...this.#cause, this.#delivering && !cause ? `  ${line}` : line);
    this.#cause = [];
  }
}

/** The kind of a message on its way. */
function kindOf(message: InFlight | Message): string {
  return describeMessage("bytes" in message ? decode(message) : message).split(" ")[1] as string;
}

function matches(message: InFlight, { kind, link }: Selection): boolean {
  if (link !== undefined && (link.from !== message.from || link.to !== message.to)) return false;
  return kind === undefined || kindOf(message) === kind;
}

function decode(message: InFlight): Message {
  return fromBinary(MessageSchema, message.bytes);
}
