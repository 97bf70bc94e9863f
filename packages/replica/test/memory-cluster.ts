import { create } from "@bufbuild/protobuf";
import { firstEpoch, type ClientHandler, type Logger } from "@paxos/core";
import { ClientUpdateSchema, Role, type ClientUpdate, type GloballyOrderedUpdate } from "@paxos/proto";
import { startReplica, type Replica, type ReplicaOptions } from "@paxos/replica";
import { GatedStorage } from "./gated-storage.js";
import { ManualClock } from "./manual-clock.js";
import { MemoryHub } from "./memory-hub.js";
import { bytes, RecordingMachine } from "./recording-machine.js";
import { until } from "./until.js";

export interface TestMember {
  readonly replica: Replica;
  readonly handler: ClientHandler;
  readonly machine: RecordingMachine;
  readonly storage: GatedStorage;
  /** What it has logged, level first. */
  readonly lines: string[];
}

/** Replicas of one process, with time that passes when the test says so. */
export class MemoryCluster implements AsyncDisposable {
  readonly hub = new MemoryHub();
  readonly clock = new ManualClock();
  readonly members: TestMember[] = [];
  readonly #size: number;

  private constructor(size: number) {
    this.#size = size;
  }

  /** A cluster of so many members, none of them started. */
  static idle(size: number): MemoryCluster {
    return new MemoryCluster(size);
  }

  /** Starts so many replicas and waits until all know who leads. */
  static async start(size: number, options: Partial<ReplicaOptions> = {}): Promise<MemoryCluster> {
    const cluster = new MemoryCluster(size);
    for (let nodeId = 0; nodeId < size; nodeId++) await cluster.startMember(nodeId, options);
    await cluster.elect();
    return cluster;
  }

  /** Starts a member, or starts it anew. */
  async startMember(nodeId: number, options: Partial<ReplicaOptions> = {}): Promise<TestMember> {
    const machine = new RecordingMachine();
    const storage = new GatedStorage(options.storage);
    const lines: string[] = [];
    let handler: ClientHandler | undefined;
    const replica = await startReplica({
      nodeId,
      epochRecord: firstEpoch(Array.from({ length: this.#size }, (_, id) => `node-${id}:2346`)),
      stateMachine: machine,
      transport: this.hub.transport(nodeId),
      clientListener: { serve: (served) => void (handler = served) },
      clock: this.clock,
      logger: recordingLogger(lines),
      ...options,
      storage,
    });
    if (handler === undefined) throw new Error("the replica did not serve clients");
    const member = { replica, handler, machine, storage, lines };
    this.members[nodeId] = member;
    return member;
  }

  member(nodeId: number): TestMember {
    const member = this.members[nodeId];
    if (member === undefined) throw new Error(`no node ${nodeId}`);
    return member;
  }

  /** Lets time pass until the condition holds. */
  async until(condition: () => boolean, what: string): Promise<void> {
    await until(condition, what, () => this.clock.tick());
  }

  /** Waits until all members that are connected follow one leader whose first no-op they have applied; its id. */
  async elect(): Promise<number> {
    let leader: number | undefined;
    await this.until(() => {
      const up = this.members.filter((_, nodeId) => this.hub.isConnected(nodeId));
      const statuses = up.map(({ replica }) => replica.status());
      leader = Number(statuses.find(({ role }) => role === Role.LEADER)?.nodeId ?? -1);
      const views = new Set(statuses.map(({ view }) => view));
      return (
        leader >= 0 &&
        views.size === 1 &&
        statuses.every(({ leaderId, appliedSeq }) => leaderId === BigInt(leader ?? -1) && appliedSeq > 0n) &&
        new Set(statuses.map(({ localAru }) => localAru)).size === 1
      );
    }, "a leader that all follow");
    return leader ?? -1;
  }

  /** Lets everybody hear everybody's heartbeats. */
  async heartbeats(): Promise<void> {
    let ticks = 0;
    await this.until(() => ++ticks > 25, "two heartbeats");
  }

  /** The leader's id, then the others'. */
  async roles(): Promise<[leader: number, ...followers: number[]]> {
    const leader = await this.elect();
    return [leader, ...this.members.keys()].filter((id, i) => i === 0 || id !== leader) as [
      number,
      ...number[],
    ];
  }

  /** Sends an update as a client would. */
  request(
    nodeId: number,
    clientId: bigint,
    timestamp: bigint,
    content = `${clientId}/${timestamp}`,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<GloballyOrderedUpdate> {
    return this.member(nodeId).handler.clientUpdate(makeUpdate(clientId, timestamp, content), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { storage } of this.members) storage.release();
    await Promise.all(this.members.map(({ replica }) => replica.close()));
  }
}

function makeUpdate(clientId: bigint, timestamp: bigint, content: string): ClientUpdate {
  return create(ClientUpdateSchema, { clientId, timestamp, update: bytes(content) });
}

function recordingLogger(lines: string[]): Logger {
  return {
    verbose: false,
    debug: () => undefined,
    info: (line) => lines.push(`info: ${line}`),
    warn: (line) => lines.push(`warn: ${line}`),
    error: (line) => lines.push(`error: ${line}`),
  };
}
