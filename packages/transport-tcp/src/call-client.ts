import { create } from "@bufbuild/protobuf";
import type { RequestError } from "@paxos/core";
import {
  StatusRequestSchema,
  type Call,
  type LogRequest,
  type LogResponse,
  type Reply,
  type StatusResponse,
} from "@paxos/proto";
import { abortedError, AbortListeners, fromRequestFailure, noAnswerError } from "@paxos/transport-kit";
import { logCredit } from "./frame-limits.js";
import { LogPieces } from "./log-pieces.js";

/** Whom the replies to a call are handed to. */
interface OpenCall {
  onReply(type: Reply["type"]): void;
  /** There will be no more replies. */
  onLost(error: RequestError): void;
}

/** The client's end of the calls on one connection: everything but updates. */
export class CallClient {
  readonly #open = new Map<bigint, OpenCall>();
  readonly #aborts = new AbortListeners();
  #lastId = 0n;

  constructor(
    /** The server, for error messages. */
    private readonly address: string,
    private readonly send: (call: Pick<Call, "id" | "type">) => void,
    /** The server does what it must not. */
    private readonly onFault: (why: string) => void,
  ) {}

  status(signal: AbortSignal): Promise<StatusResponse> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        this.#aborts.remove(signal, onAbort);
        this.#open.delete(id);
        how();
      };
      const id = this.#call(
        { case: "status", value: create(StatusRequestSchema) },
        {
          onReply: (reply) =>
            settle(() => {
              if (reply.case === "status") resolve(reply.value);
              else reject(this.#failure(reply));
            }),
          onLost: (error) => settle(() => reject(error)),
        },
      );
      const onAbort = (): void => {
        this.#cancel(id);
        reject(abortedError(this.address, signal));
      };
      this.#aborts.add(signal, onAbort);
    });
  }

  /** Reads a log, for as long as the caller does: when it pauses, the server does soon. */
  async *log(request: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    const pieces = new LogPieces();
    const id = this.#call(
      { case: "log", value: request },
      { onReply: (reply) => this.#onPiece(id, pieces, reply), onLost: (error) => pieces.end(error) },
    );
    const onAbort = (): void => {
      pieces.abort(abortedError(this.address, signal));
      // The caller may never ask for another piece.
      this.#cancel(id);
    };
    this.#aborts.add(signal, onAbort);
    try {
      for (;;) {
        const piece = await pieces.next();
        if (piece === undefined) return;
        if (!pieces.over) this.send({ id, type: { case: "taken", value: 1 } });
        yield piece;
      }
    } finally {
      this.#aborts.remove(signal, onAbort);
      this.#cancel(id);
    }
  }

  /** Hands on what the server says. Replies to calls that were given up are on their way for a while yet. */
  replied(replies: readonly Reply[]): void {
    for (const { id, type } of replies) this.#open.get(id)?.onReply(type);
  }

  /** The connection has ended: all calls under way fail. */
  lost(error: () => RequestError): void {
    for (const call of this.#open.values()) call.onLost(error());
    this.#open.clear();
  }

  #call(type: Call["type"], call: OpenCall): bigint {
    const id = ++this.#lastId;
    this.#open.set(id, call);
    this.send({ id, type });
    return id;
  }

  #cancel(id: bigint): void {
    if (this.#open.delete(id)) this.send({ id, type: { case: "cancel", value: true } });
  }

  #onPiece(id: bigint, pieces: LogPieces, reply: Reply["type"]): void {
    if (reply.case === "log") {
      if (pieces.length < logCredit) pieces.add(reply.value);
      else this.onFault("it sends more of a log than was taken");
      return;
    }
    this.#open.delete(id);
    pieces.end(reply.case === "end" ? undefined : this.#failure(reply));
  }

  /** Why a call has failed: what the server says, or that it says what makes no sense here. */
  #failure(reply: Reply["type"]): RequestError {
    return reply.case === "failure"
      ? fromRequestFailure(reply.value, this.address)
      : noAnswerError(this.address, `it replies with ${reply.case ?? "something unknown"}`);
  }
}
