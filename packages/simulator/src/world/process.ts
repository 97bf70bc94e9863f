import { create } from "@bufbuild/protobuf";
import type { AdmissionRefusal, ClientHandler, Identity } from "@paxos/core";
import {
  LogRequestSchema,
  QueryRequestSchema,
  type ClientUpdate,
  type EpochRecord,
  type MembersResponse,
  type MembershipChange,
  type Message,
  type StatusResponse,
} from "@paxos/proto";
import type { Replica } from "@paxos/replica";
import type { Seat } from "./seat.js";
import { Life } from "./life.js";
import { ObservedStateMachine } from "./observed-state-machine.js";
import { SimulatedClock } from "./simulated-clock.js";
import { SimulatedStorage } from "./simulated-storage.js";
import { SimulatedTransport } from "./simulated-transport.js";

/** The cluster's id: there is only one. */
const simulatedCluster = Uint8Array.of(1);

/** A request that a process works on. */
interface PendingRequest {
  /** Virtual time at which it came. */
  readonly since: number;
}

/** What a client is told. */
export type Answer =
  | {
      readonly kind: "ordered";
      readonly seq: number;
      readonly result: Uint8Array;
      readonly duplicate?: boolean;
      readonly leaderId?: bigint | undefined;
    }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

/** What a reader is told. */
export type ReadAnswer =
  | { readonly kind: "read"; readonly seq: number; readonly result: Uint8Array }
  | Extract<Answer, { kind: "failed" }>;

/** One process on a host, from its start to its end: a replica of @paxos/replica with simulated ports. */
export class Process {
  readonly life: Life;
  /** What clients wait for. */
  readonly pending = new Set<PendingRequest>();
  /** Whether it has been asked to stop. */
  closing = false;
  readonly #transport: SimulatedTransport;
  readonly #clock: SimulatedClock;
  #replica: Replica | undefined;
  #handler: ClientHandler | undefined;

  constructor(
    private readonly seat: Seat,
    /** Counts the processes of the host, from 1. */
    private readonly number: number,
  ) {
    this.life = new Life(seat.surroundings.world, () => seat.crash());
    this.#transport = new SimulatedTransport(seat, this.life);
    this.#clock = new SimulatedClock(seat, this.life);
  }

  start(): void {
    const { seat, number, life } = this;
    const { surroundings } = seat;
    let stateMachine: ObservedStateMachine;
    try {
      stateMachine = new ObservedStateMachine(seat, life, number);
    } catch (error) {
      return this.#stoppedBy(error);
    }
    const random = seat.random.fork(`process ${number}`);
    const stays = random.chance(surroundings.staysPerMille);
    surroundings
      .startReplica({
        nodeId: seat.id,
        epochRecord: seat.joined ?? surroundings.epochRecord,
        clusterId: simulatedCluster,
        stateMachine,
        storage: new SimulatedStorage(seat, life),
        transport: this.#transport,
        clientListener: { serve: (handler) => void (this.#handler = handler) },
        clock: this.#clock,
        logger: seat.logger,
        tickMs: surroundings.tickMs,
        tuning: surroundings.tuning,
        sessionBounds: surroundings.sessionBounds,
        seed: surroundings.world.random.fork(`core ${seat.id} ${number}`).next(),
        clientId: BigInt(2_000_000 + seat.id * 1000 + number),
        incarnation: (BigInt(random.next()) << 32n) | BigInt(seat.id * 65536 + number),
        snapshots: surroundings.snapshots,
        saveTimeoutMs: surroundings.saveTimeoutMs,
        onStorageFailure: stays ? "stay" : "stop",
      })
      .then((replica) => {
        this.#replica = replica;
        void replica.removed.then(() => this.life.alive && this.#removed());
        void replica.storageFailed.then(() => this.life.alive && stays && seat.restartLater());
        return replica.stopped.then((error) => error && this.#stoppedBy(error));
      })
      .catch((error: unknown) => this.#stoppedBy(error));
  }

  kill(): void {
    this.life.end();
    this.pending.clear();
  }

  /** Stops in order, as the program does: whoever leads hands over first. */
  close(onClosed: () => void): void {
    this.closing = true;
    this.life.input(() => {
      const replica = this.#replica;
      replica
        ?.transferLeadership()
        .catch(() => undefined)
        .then(() => replica.close())
        .then(onClosed, (error: unknown) => this.#stoppedBy(error));
    });
  }

  /** Has its clock tick once, out of turn; see {@link SimulatedClock.tickNow}. */
  tickNow(alone = false): void {
    this.#clock.tickNow(alone);
  }

  /** How the node stands; undefined when it is not to be asked. */
  status(): StatusResponse | undefined {
    return this.life.alive ? this.#replica?.status() : undefined;
  }

  /** Takes a message from a peer. Returns false when nobody listens. */
  receive(sender: Identity, message: Message): boolean {
    if (!this.life.alive || !this.#transport.listens) return false;
    this.life.input(() => this.#transport.receive(sender, message));
    return true;
  }

  /** Whether this is the process that has introduced itself so. */
  is(sender: Identity): boolean {
    return this.#transport.is(sender);
  }

  refusedBy(nodeId: number, refusal: AdmissionRefusal): void {
    this.#transport.refusedBy(nodeId, refusal);
  }

  /** Says who the members are, as far as it knows. Returns false when nobody listens. */
  members(onAnswer: (members: MembersResponse) => void): boolean {
    const handler = this.#handler;
    if (!this.life.alive || handler === undefined) return false;
    this.life.input(() => {
      handler.members().then(
        (members) => {
          if (this.life.alive) onAnswer(members);
        },
        // It stops.
        () => undefined,
      );
    });
    return true;
  }

  /** Takes a request from a client; `number` and `attempt` say which. Returns false when nobody listens. */
  request(
    update: ClientUpdate,
    { number, attempt }: { readonly number: number; readonly attempt: number },
    signal: AbortSignal,
    onAnswer: (answer: Answer) => void,
  ): boolean {
    const handler = this.#handler;
    if (!this.life.alive || handler === undefined) return false;
    this.life.input(() => {
      const { world } = this.seat.surroundings;
      world.steps++;
      world.trace.note("R", this.seat.id, number, attempt);
      const request: PendingRequest = { since: world.now };
      this.pending.add(request);
      const settle = (answer: Answer) => {
        if (!this.life.alive || !this.pending.delete(request)) return;
        if (answer.kind === "ordered")
          for (const checker of this.seat.surroundings.checkers) checker.acknowledges?.(this.seat.id);
        onAnswer(answer);
      };
      handler.clientUpdate(update, signal).then(
        ({ seq, result, duplicate, leaderId }) =>
          settle({ kind: "ordered", seq: Number(seq), result, duplicate, leaderId }),
        (error: unknown) => settle(failure(error)),
      );
    });
    return true;
  }

  /**
   * Takes a linearizable read; without a query, it is asked only how far it has come. Returns false when nobody listens.
   */
  read(query: Uint8Array | undefined, signal: AbortSignal, onAnswer: (answer: ReadAnswer) => void): boolean {
    const handler = this.#handler;
    if (!this.life.alive || handler === undefined) return false;
    this.life.input(() => {
      const { world } = this.seat.surroundings;
      world.steps++;
      world.trace.note("Q", this.seat.id);
      const settle = (answer: ReadAnswer) => {
        if (this.life.alive) onAnswer(answer);
      };
      const reading =
        query === undefined
          ? this.#replica?.read(() => new Uint8Array(), { signal })
          : handler.query(create(QueryRequestSchema, { query }), signal);
      if (reading === undefined)
        return settle({ kind: "failed", code: "unavailable", message: "it has not started" });
      reading.then(
        ({ seq, result }) => settle({ kind: "read", seq: Number(seq), result }),
        (error: unknown) => settle(failure(error)),
      );
    });
    return true;
  }

  /** The membership that it knows; undefined when it is not to be asked. */
  get epochRecord(): EpochRecord | undefined {
    return this.life.alive ? this.#replica?.epochRecord : undefined;
  }

  /** Has the membership changed, as an operator does. */
  changeMembership(change: MembershipChange): void {
    this.#operate("change", (replica) => replica.changeMembership(change));
  }

  /** Has the leadership handed over, as an operator does. */
  transferLeadership(to: number | undefined): void {
    this.#operate("hand-over", (replica) => replica.transferLeadership(to));
  }

  #operate(what: string, act: (replica: Replica) => Promise<unknown>): void {
    const { world } = this.seat.surroundings;
    this.life.input(() => {
      if (this.#replica === undefined) return;
      act(this.#replica).catch((error: unknown) => {
        const refused = error instanceof Error && error.name === "RequestError";
        if (this.life.alive && !refused)
          world.violate("operators", `node ${this.seat.id} fails at a ${what}: ${String(error)}`, error);
      });
    });
  }

  #removed(): void {
    const { world, epochs } = this.seat.surroundings;
    const { id } = this.seat;
    if (epochs.has(id)) world.violate("removal", `node ${id} takes itself for removed, but is a member`);
    this.seat.left();
  }

  /** Has a snapshot taken, as an operator does. */
  takeSnapshot(): void {
    const { world } = this.seat.surroundings;
    this.life.input(() => {
      const replica = this.#replica;
      if (replica === undefined) return;
      const asked = Number(replica.status().appliedSeq);
      replica.takeSnapshot().then(
        ({ seq }) => {
          if (this.life.alive && seq < asked)
            world.violate(
              "snapshot",
              `node ${this.seat.id} gives a snapshot at seq ${seq}, asked was ${asked}`,
            );
        },
        (error: unknown) => {
          const refused = error instanceof Error && error.name === "RequestError";
          if (this.life.alive && !refused)
            world.violate("snapshot", `node ${this.seat.id} takes no snapshot: ${String(error)}`, error);
        },
      );
    });
  }

  /** The log as clients read it, and where they are told that it begins. */
  async readLog(): Promise<{ readonly firstSeq: number; readonly entries: readonly LogEntry[] }> {
    const entries: LogEntry[] = [];
    let firstSeq = 1;
    const log = this.#handler?.log(create(LogRequestSchema, { fromSeq: 1n }), new AbortController().signal);
    for await (const response of log ?? []) {
      if (response.firstSeq > 0n) firstSeq = Number(response.firstSeq);
      for (const { seq, update, duplicate } of response.entries) {
        entries.push({ seq: Number(seq), bytes: update?.update ?? new Uint8Array(), duplicate });
      }
    }
    return { firstSeq, entries };
  }

  #stoppedBy(error: unknown): void {
    const { seat } = this;
    const name = error instanceof Error ? error.name : "";
    if (!this.life.alive || (this.closing && name !== "InvariantError")) return;
    // Safety rule 8: so must it be.
    if (seat.lostItsDisk && name === "ConfigError") return seat.refused();
    // It was removed when it was down, or before it could say so.
    if (name === "ConfigError" && !seat.surroundings.epochs.has(seat.id)) return seat.left();
    // Nobody can do without a disk. Whoever keeps it running starts it again.
    if (seat.excuses(error)) {
      seat.crash();
      return seat.restartLater();
    }
    const checker = name === "InvariantError" ? "invariant" : "stopped";
    seat.surroundings.world.violate(checker, `node ${seat.id} stopped: ${String(error)}`, error);
  }
}

/** An entry of the log as clients see it. */
interface LogEntry {
  readonly seq: number;
  readonly bytes: Uint8Array;
  readonly duplicate: boolean;
}

function failure(error: unknown): Extract<Answer, { kind: "failed" }> {
  if (error instanceof Error && "code" in error) {
    return { kind: "failed", code: String(error.code), message: error.message };
  }
  return { kind: "failed", code: "unexpected", message: String(error) };
}
