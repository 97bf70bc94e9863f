import { create } from "@bufbuild/protobuf";
import type { ClientHandler } from "@paxos/core";
import { FailureCode, RequestFailureSchema, type Call, type Reply, type RequestFailure } from "@paxos/proto";
import { toRequestFailure } from "@paxos/transport-kit";
import type { Faults } from "./counters.js";
import { encodeFrame } from "./frame.js";
import { streamCredit } from "./frame-limits.js";
import type { Link } from "./link.js";
import { ask, type Question } from "./question.js";

/** Calls that one connection may have under way: in all, and of streams, each of which may hold a piece in memory. */
export const maxCalls = 1024;
export const maxStreams = 64;

/** What begins a call. */
type Request = Exclude<Call["type"], { case: "cancel" | "taken" }>;

/** A stream of the handler, piece by piece as replies. */
interface Pieces {
  /** Undefined at the end. */
  next(): Promise<Reply["type"] | undefined>;
  /** No more pieces are wanted. */
  stop(): void;
}

/** A call under way. Whoever has given it up is told nothing more, but it counts until the handler has let go of it. */
class OpenCall {
  readonly abort = new AbortController();
  /** Of a stream. */
  pieces: Pieces | undefined;
  pulling = false;
  unacknowledged = 0;

  constructor(readonly id: bigint) {}
}

/** The server's end of the calls of one client: everything but updates. */
export class CallServer {
  readonly #open = new Map<bigint, OpenCall>();
  #underWay = 0;
  #streams = 0;

  constructor(
    private readonly link: Link,
    private readonly handler: Omit<ClientHandler, "clientUpdate">,
    private readonly faults: Faults,
    private readonly maxRequestBytes: number,
  ) {}

  /** Takes a call, or what the client says of an earlier one. Says why the connection must be closed, if it must. */
  take({ id, type }: Call): string | undefined {
    const open = this.#open.get(id);
    switch (type.case) {
      // What is said of a call that is over may have crossed its end.
      case "cancel":
        this.#give(open);
        return undefined;
      case "taken":
        this.#taken(open, type.value);
        return undefined;
      case "log":
      case "status":
      case "takeSnapshot":
      case "backup":
      case "members":
      case "changeMembership":
      case "transferLeadership":
      case "query":
      case undefined:
        if (open !== undefined) return `call ${id} is under way already`;
        this.#start(id, type);
        return undefined;
    }
  }

  /** Streams go on when what was sent has left. */
  onWritable(): void {
    for (const call of this.#open.values()) void this.#pull(call);
  }

  /** Abandons everything. */
  close(): void {
    for (const call of this.#open.values()) this.#give(call);
  }

  #start(id: bigint, request: Request): void {
    if (request.case === undefined) {
      return this.#fail(id, FailureCode.INVALID, "this node knows no such call; a later release may");
    }
    const isStream = request.case === "log" || request.case === "backup";
    if (this.#underWay >= maxCalls || (isStream && this.#streams >= maxStreams)) {
      const limits = `${maxCalls} calls, ${maxStreams} of them of logs and backups`;
      return this.#fail(id, FailureCode.BUSY, `too much on one connection (${limits}); let some end first`);
    }
    const call = new OpenCall(id);
    this.#open.set(id, call);
    this.#underWay++;
    void this.#serve(call, request);
  }

  #serve(call: OpenCall, request: Exclude<Request, { case: undefined }>): Promise<void> {
    const { handler } = this;
    const { signal } = call.abort;
    switch (request.case) {
      case "log":
        return this.#stream(call, () =>
          piecesOf(handler.log(request.value, signal), (value) => ({ case: "log", value })),
        );
      case "backup":
        return this.#stream(call, () =>
          piecesOf(handler.backup(signal), (value) => ({ case: "backup", value })),
        );
      default:
        return this.#answer(call, request);
    }
  }

  async #answer(call: OpenCall, question: Question): Promise<void> {
    const { maxRequestBytes } = this;
    try {
      this.#end(call, await ask(this.handler, question, { signal: call.abort.signal, maxRequestBytes }));
    } catch (error) {
      this.#end(call, { case: "failure", value: this.#failureOf(call, error) });
    } finally {
      this.#underWay--;
    }
  }

  async #stream(call: OpenCall, open: () => Pieces): Promise<void> {
    this.#streams++;
    try {
      call.pieces = open();
    } catch (error) {
      return this.#endStream(call, { case: "failure", value: this.#failureOf(call, error) });
    }
    await this.#pull(call);
  }

  /** Sends pieces of a stream for as long as the client takes them. */
  async #pull(call: OpenCall): Promise<void> {
    const { pieces, abort } = call;
    if (pieces === undefined || call.pulling) return;
    call.pulling = true;
    try {
      while (!abort.signal.aborted && call.unacknowledged < streamCredit && this.link.writable) {
        const next = await pieces.next();
        if (abort.signal.aborted) break;
        if (next === undefined) return this.#endStream(call, { case: "end", value: true });
        call.unacknowledged++;
        this.#reply(call.id, next);
      }
      if (abort.signal.aborted) this.#endStream(call);
    } catch (error) {
      this.#endStream(call, { case: "failure", value: this.#failureOf(call, error) });
    } finally {
      call.pulling = false;
    }
  }

  #taken(call: OpenCall | undefined, pieces: number): void {
    if (call?.pieces === undefined) return;
    call.unacknowledged = Math.max(0, call.unacknowledged - pieces);
    void this.#pull(call);
  }

  /** The client wants no more of a call. */
  #give(call: OpenCall | undefined): void {
    if (call === undefined) return;
    this.#open.delete(call.id);
    call.abort.abort();
    const { pieces } = call;
    if (pieces === undefined) return;
    pieces.stop();
    if (!call.pulling) this.#endStream(call);
  }

  #endStream(call: OpenCall, last?: Reply["type"]): void {
    this.#underWay--;
    this.#streams--;
    call.pieces = undefined;
    if (last !== undefined) this.#end(call, last);
  }

  #end(call: OpenCall, last: Reply["type"]): void {
    if (call.abort.signal.aborted) return;
    this.#open.delete(call.id);
    this.#reply(call.id, last);
  }

  /** Handlers reject when their caller has gone; that is no failure of theirs. */
  #failureOf(call: OpenCall, error: unknown): RequestFailure {
    if (call.abort.signal.aborted) return create(RequestFailureSchema);
    return toRequestFailure(error, this.faults);
  }

  #fail(id: bigint, code: FailureCode, detail: string): void {
    this.#reply(id, { case: "failure", value: create(RequestFailureSchema, { code, detail }) });
  }

  #reply(id: bigint, type: Reply["type"]): void {
    this.link.send(encodeFrame({ replies: [{ id, type }] }));
  }
}

function piecesOf<T>(stream: AsyncIterable<T>, replyOf: (piece: T) => Reply["type"]): Pieces {
  const iterator = stream[Symbol.asyncIterator]();
  return {
    next: async () => {
      const next = await iterator.next();
      return next.done === true ? undefined : replyOf(next.value);
    },
    stop: () => {
      iterator.return?.()?.catch(() => undefined);
    },
  };
}
