import { create } from "@bufbuild/protobuf";
import {
  describeMessage,
  RequestError,
  type ClientHandler,
  type Clock,
  type Save,
  type StateMachine,
  type Storage,
  type StoredState,
  type StoredUpdates,
  type Transport,
  type TransportContext,
} from "@paxos/core";
import { ClientUpdateSchema, type Message, type StatusResponse } from "@paxos/proto";
import type { Replica } from "@paxos/replica";
import { decodeCall, type Call } from "../clients/call.js";
import type { Host } from "./host.js";
import { withGlobalsOf } from "./node-globals.js";

/** A request that a process works on. */
export interface PendingRequest {
  readonly call: Call;
  /** Virtual time at which it came. */
  readonly since: number;
}

/** What a client is told. */
export type Answer =
  | { readonly kind: "ordered"; readonly seq: number; readonly result: Uint8Array }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

/**
 * One process on a host, from its start to its end: a replica of @paxos/replica with simulated ports. Once
 * killed, its code may still be called by what it was waiting for, but nothing it does has any effect.
 */
export class Process {
  readonly pending = new Set<PendingRequest>();
  /** How many effects it still has before it is killed in the midst of its work. */
  fuse = Infinity;
  #alive = true;
  #pausedUntil = 0;
  #replica: Replica | undefined;
  #handler: ClientHandler | undefined;
  #context: TransportContext | undefined;
  #onTick: () => void = () => undefined;
  readonly #admitted = new Set<bigint>();
  #lastSave = 0;
  #saving = false;
  /** Whether it has been asked to stop. */
  closing = false;

  constructor(
    private readonly host: Host,
    private readonly number: number,
  ) {}

  /** Whether it does anything at this moment. */
  get alive(): boolean {
    return this.#alive;
  }

  start(): void {
    const { host, number } = this;
    const { cluster } = host;
    cluster
      .startReplica({
        nodeId: host.id,
        epochRecord: cluster.epochRecord,
        stateMachine: this.#stateMachine(),
        storage: this.#storage(),
        transport: this.#transport(),
        clientListener: { serve: (handler) => void (this.#handler = handler) },
        clock: this.#clock(),
        logger: host.logger,
        tickMs: cluster.tickMs,
        tuning: cluster.tuning,
        seed: cluster.world.random.fork(`core ${host.id} ${number}`).next(),
        clientId: BigInt(2_000_000 + host.id * 1000 + number),
      })
      .then((replica) => {
        this.#replica = replica;
        return replica.stopped.then((error) => error && this.#stoppedBy(error));
      })
      .catch((error: unknown) => this.#stoppedBy(error));
  }

  kill(): void {
    this.#alive = false;
    this.pending.clear();
  }

  /** Does nothing until `until`, as a process whose event loop is stalled; everything waits. */
  pause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }

  /** Has its clock tick once, out of turn. */
  tickNow(): void {
    this.#run(() => this.#onTick());
  }

  close(onClosed: () => void): void {
    this.#run(() => {
      this.closing = true;
      void this.#replica?.close().then(onClosed);
    });
  }

  status(): StatusResponse | undefined {
    try {
      return this.#alive ? this.#replica?.status() : undefined;
    } catch {
      // It has not started yet.
      return undefined;
    }
  }

  /** Takes a message from a peer. Returns false when nobody listens. */
  receive(from: number, message: Message): boolean {
    if (!this.#alive || this.#context === undefined) return false;
    this.#run(() => this.#receiveNow(from, message));
    return true;
  }

  /** Takes a request from a client. Returns false when nobody listens. */
  request(call: Call, clientId: bigint, update: Uint8Array, signal: AbortSignal, onAnswer: (answer: Answer) => void) {
    if (!this.#alive || this.#handler === undefined) return false;
    this.#run(() => {
      const { world } = this.host.cluster;
      world.steps++;
      world.trace.note("R", this.host.id, call.id, call.attempts);
      const request: PendingRequest = { call, since: world.now };
      this.pending.add(request);
      const settle = (answer: Answer) => {
        if (this.#alive && this.pending.delete(request)) onAnswer(answer);
      };
      const handler = this.#handler as ClientHandler;
      handler.clientUpdate(create(ClientUpdateSchema, { clientId, timestamp: call.timestamp, update }), signal).then(
        ({ seq, result }) => settle({ kind: "ordered", seq: Number(seq), result }),
        (error: unknown) => settle(failure(error)),
      );
    });
    return true;
  }

  /** The log as clients read it. */
  async readLog(): Promise<{ seq: number; bytes: Uint8Array; duplicate: boolean }[]> {
    const entries: { seq: number; bytes: Uint8Array; duplicate: boolean }[] = [];
    const request = { $typeName: "paxos.v1.LogRequest", fromSeq: 1n, follow: false } as const;
    const log = this.#handler?.log(request, new AbortController().signal) ?? [];
    for await (const response of log) {
      for (const { seq, update, duplicate } of response.entries) {
        entries.push({ seq: Number(seq), bytes: update?.update ?? new Uint8Array(), duplicate });
      }
    }
    return entries;
  }

  // Everything that reaches the process goes through here: nothing does once it is dead, and what comes while
  // it is stalled waits, in order.
  #run(input: () => void): void {
    const { world } = this.host.cluster;
    if (!this.#alive) return;
    if (world.now >= this.#pausedUntil) input();
    else world.after(this.#pausedUntil - world.now, () => this.#run(input));
  }

  // Everything that the process does goes through here. Returns whether it has an effect.
  #acts(): boolean {
    if (!this.#alive) return false;
    if (--this.fuse > 0) return true;
    this.host.crash();
    return false;
  }

  #receiveNow(from: number, message: Message): void {
    const { host } = this;
    const { world, checkers } = host.cluster;
    const context = this.#context as TransportContext;
    if (!this.#admitted.has(message.storeId) && !this.#admits(from, message.storeId, context)) return;
    world.steps++;
    world.trace.note("M", host.id, from, message.type.value === undefined ? 0 : host.cluster.network.sent);
    if (world.trace.verbose) world.trace.line(`${from} -> ${host.id}: ${describeMessage(message)}`);
    for (const checker of checkers) checker.delivered?.(host.id, message);
    context.onMessage(from, message);
  }

  #admits(from: number, storeId: bigint, context: TransportContext): boolean {
    const { cluster, id } = this.host;
    const refusal = context.admit({ clusterId: context.identity.clusterId, nodeId: from, storeId });
    if (refusal === undefined) {
      this.#admitted.add(storeId);
      const peer = context.peers.find(({ nodeId }) => nodeId === from);
      if (peer !== undefined) context.onConnected(peer);
      return true;
    }
    const refused = cluster.hosts[from];
    cluster.world.after(500, () => {
      if (refused?.disk.storeId !== storeId || cluster.network.isCut(id, from)) return;
      refused.process?.refusedBy(id, refusal);
    });
    return false;
  }

  refusedBy(nodeId: number, refusal: Parameters<TransportContext["onRefused"]>[1]): void {
    const peer = this.#context?.peers.find((candidate) => candidate.nodeId === nodeId);
    if (peer !== undefined) this.#run(() => this.#context?.onRefused(peer, refusal));
  }

  #stoppedBy(error: unknown): void {
    const { world } = this.host.cluster;
    if (!this.#alive || this.closing) return;
    const name = error instanceof Error ? error.name : "";
    // Safety rule 8: so must it be.
    if (this.host.lostItsDisk && name === "ConfigError") return this.host.crash();
    world.violate(name === "InvariantError" ? "invariant" : "stopped", `node ${this.host.id} stopped: ${String(error)}`, error);
  }

  #transport(): Transport {
    const { host } = this;
    const { network, checkers } = host.cluster;
    return {
      start: (context) => {
        this.#context = context;
        return Promise.resolve();
      },
      send: (message) => {
        if (!this.#acts()) return;
        for (const checker of checkers) checker.sent?.(host.id, message);
        network.send(host.id, Number(message.to), message);
      },
      counters: () => ({}),
      close: () => {
        this.#context = undefined;
        return Promise.resolve();
      },
    };
  }

  #clock(): Clock {
    const { host } = this;
    const { world } = host.cluster;
    return {
      every: (intervalMs, onTick) => {
        let stopped = false;
        const tick = () => {
          if (stopped) return;
          world.steps++;
          world.ticks++;
          onTick();
        };
        this.#onTick = tick;
        const next = () => {
          // From the end of the last tick on: ticks missed while stalled are left out.
          world.after(Math.floor((intervalMs * 1_000_000) / host.tickRate), () => {
            this.#run(() => {
              tick();
              if (!stopped) next();
            });
          });
        };
        next();
        return () => (stopped = true);
      },
      soon: (callback) => world.after(host.random.between(0, 20), () => this.#run(callback)),
    };
  }

  #storage(): Storage {
    const { host } = this;
    const { world, checkers } = host.cluster;
    const never = <T>() => new Promise<T>(() => undefined);
    return {
      load: () =>
        new Promise<StoredState>((resolve) => {
          world.after(host.random.between(100, 5000), () => {
            this.#run(() => {
              const stored = host.disk.load();
              this.#lastSave = host.disk.lastSave;
              for (const checker of checkers) checker.started?.(host.id, stored);
              resolve(stored);
            });
          });
        }),
      save: (save) => {
        if (!this.#acts()) return never();
        this.#checkSave(save);
        this.#saving = true;
        return new Promise((resolve) => {
          host.disk.write(save, () => {
            this.#run(() => {
              world.steps++;
              this.#saving = false;
              resolve();
            });
          });
        });
      },
      read: (from, upTo, maxBytes) => {
        if (!this.#acts()) return never();
        if (from < 1 || upTo > host.disk.durableAru) {
          world.violate("storage-contract", `node ${host.id} reads ${from} to ${upTo}, durable is ${host.disk.durableAru}`);
        }
        return new Promise<StoredUpdates>((resolve) => {
          host.disk.read(from, upTo, maxBytes, (stored) => this.#run(() => resolve(stored)));
        });
      },
      close: () => Promise.resolve(),
    };
  }

  // What the port asks of its caller.
  #checkSave({ number }: Save): void {
    const { host } = this;
    const { world } = host.cluster;
    if (this.#saving || number !== ++this.#lastSave) {
      const what = this.#saving ? "while another is under way" : `where ${this.#lastSave} is due`;
      world.violate("storage-contract", `node ${host.id} makes save ${number} ${what}`);
    }
  }

  #stateMachine(): StateMachine {
    const { host } = this;
    const { world, checkers, calls } = host.cluster;
    const machine = host.cluster.makeStateMachine(host.id);
    const globals = {
      now: () => 1_767_225_600_000 + host.clockOffsetMs + Math.floor(world.now / 1000),
      random: host.random.fork(`globals ${this.number}`),
    };
    return {
      apply: (bytes, seq) => {
        if (!this.#acts()) return new Uint8Array();
        const decoded = decodeCall(bytes);
        const call = decoded && calls.find(decoded.id, decoded.update);
        if (decoded === undefined || call === undefined) {
          world.violate("only-proposed", `node ${host.id} applies at seq ${seq} what no client has sent`);
          return new Uint8Array();
        }
        const { result, digest } = withGlobalsOf(globals, () => ({
          result: machine.apply(decoded.update, seq),
          digest: machine.digest?.(),
        }));
        world.trace.note("A", host.id, seq, call.id);
        if (world.trace.verbose) world.trace.line(`node ${host.id} applies call ${call.id} at seq ${seq}`);
        for (const checker of checkers) {
          checker.applied?.({ nodeId: host.id, seq, call, result, digest });
        }
        return result;
      },
    };
  }
}

function failure(error: unknown): Answer {
  if (error instanceof RequestError || (error instanceof Error && "code" in error)) {
    return { kind: "failed", code: String((error as RequestError).code), message: error.message };
  }
  return { kind: "failed", code: "unexpected", message: String(error) };
}
