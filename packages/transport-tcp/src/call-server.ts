import { create } from "@bufbuild/protobuf";
import type { ClientHandler } from "@paxos/core";
import {
  FailureCode,
  RequestFailureSchema,
  type Call,
  type LogRequest,
  type LogResponse,
  type Reply,
  type RequestFailure,
} from "@paxos/proto";
import { toRequestFailure } from "@paxos/transport-kit";
import type { Faults } from "./counters.js";
import { encodeFrame } from "./frame.js";
import { logCredit } from "./frame-limits.js";
import type { Link } from "./link.js";

/** Calls that one connection may have under way: in all, and of logs, each of which may hold a piece in memory. */
export const maxCalls = 1024;
export const maxLogs = 64;

/** A call under way. Whoever has given it up is told nothing more, but it counts until the handler has let go of it. */
class OpenCall {
  readonly abort = new AbortController();
  /** Of a log. */
  pieces: AsyncIterator<LogResponse> | undefined;
  pulling = false;
  unacknowledged = 0;

  constructor(readonly id: bigint) {}
}

/** The server's end of the calls of one client: everything but updates. */
export class CallServer {
  readonly #open = new Map<bigint, OpenCall>();
  #underWay = 0;
  #logs = 0;

  constructor(
    private readonly link: Link,
    private readonly handler: Pick<ClientHandler, "log" | "status">,
    private readonly faults: Faults,
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
      case undefined:
        if (open !== undefined) return `call ${id} is under way already`;
        this.#start(id, type);
        return undefined;
    }
  }

  /** Logs go on when what was sent has left. */
  onWritable(): void {
    for (const call of this.#open.values()) void this.#pull(call);
  }

  /** Abandons everything. */
  close(): void {
    for (const call of this.#open.values()) this.#give(call);
  }

  #start(id: bigint, type: Exclude<Call["type"], { case: "cancel" | "taken" }>): void {
    if (type.case === undefined) {
      return this.#fail(id, FailureCode.INVALID, "this node knows no such call; a later release may");
    }
    if (this.#underWay >= maxCalls || (type.case === "log" && this.#logs >= maxLogs)) {
      const limits = `${maxCalls} calls, ${maxLogs} of them of logs`;
      return this.#fail(id, FailureCode.BUSY, `too much on one connection (${limits}); let some end first`);
    }
    const call = new OpenCall(id);
    this.#open.set(id, call);
    this.#underWay++;
    if (type.case === "status") void this.#status(call);
    else this.#log(call, type.value);
  }

  async #status(call: OpenCall): Promise<void> {
    try {
      const value = await this.handler.status();
      this.#end(call, { case: "status", value });
    } catch (error) {
      this.#end(call, { case: "failure", value: this.#failureOf(call, error) });
    } finally {
      this.#underWay--;
    }
  }

  #log(call: OpenCall, request: LogRequest): void {
    this.#logs++;
    try {
      call.pieces = this.handler.log(request, call.abort.signal)[Symbol.asyncIterator]();
    } catch (error) {
      return this.#endLog(call, { case: "failure", value: this.#failureOf(call, error) });
    }
    void this.#pull(call);
  }

  /** Sends pieces of a log for as long as the client takes them. */
  async #pull(call: OpenCall): Promise<void> {
    const { pieces, abort } = call;
    if (pieces === undefined || call.pulling) return;
    call.pulling = true;
    try {
      while (!abort.signal.aborted && call.unacknowledged < logCredit && this.link.writable) {
        const next = await pieces.next();
        if (abort.signal.aborted) break;
        if (next.done === true) return this.#endLog(call, { case: "end", value: true });
        call.unacknowledged++;
        this.#reply(call.id, { case: "log", value: next.value });
      }
      if (abort.signal.aborted) this.#endLog(call);
    } catch (error) {
      this.#endLog(call, { case: "failure", value: this.#failureOf(call, error) });
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
    pieces.return?.()?.catch(() => undefined);
    if (!call.pulling) this.#endLog(call);
  }

  #endLog(call: OpenCall, last?: Reply["type"]): void {
    this.#underWay--;
    this.#logs--;
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
