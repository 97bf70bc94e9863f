import { create } from "@bufbuild/protobuf";
import { maxChunkBytes, type RequestError } from "@paxos/core";
import {
  BackupRequestSchema,
  ChangeMembershipRequestSchema,
  MembersRequestSchema,
  StatusRequestSchema,
  TakeSnapshotRequestSchema,
  TransferLeadershipRequestSchema,
  type BackupPiece,
  type Call,
  type ChangeMembershipResponse,
  type LogRequest,
  type LogResponse,
  type MembershipChange,
  type MembersResponse,
  type Reply,
  type StatusResponse,
  type TakeSnapshotResponse,
  type TransferLeadershipResponse,
} from "@paxos/proto";
import { abortedError, AbortListeners, fromRequestFailure, noAnswerError } from "@paxos/transport-kit";
import { streamCredit } from "./frame-limits.js";
import { StreamPieces } from "./stream-pieces.js";

/** Whom the replies to a call are handed to. */
interface OpenCall {
  onReply(type: Reply["type"]): void;
  /** There will be no more replies. */
  onLost(error: RequestError): void;
}

/** What replies hold, by their kinds. */
type ReplyValues = {
  readonly [R in Extract<Reply["type"], { case: string }> as R["case"]]: R["value"];
};

/** Takes what a reply of one kind holds; undefined of all others. */
function answerOf<K extends keyof ReplyValues>(
  kind: K,
): (reply: Reply["type"]) => ReplyValues[K] | undefined {
  return (reply) => (reply.case === kind ? (reply.value as ReplyValues[K]) : undefined);
}

/** The client's end of the calls on one connection: everything but updates and queries. */
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
    const request = { case: "status" as const, value: create(StatusRequestSchema) };
    return this.#ask(request, answerOf("status"), signal);
  }

  takeSnapshot(signal: AbortSignal): Promise<TakeSnapshotResponse> {
    const request = { case: "takeSnapshot" as const, value: create(TakeSnapshotRequestSchema) };
    return this.#ask(request, answerOf("takeSnapshot"), signal);
  }

  members(signal: AbortSignal): Promise<MembersResponse> {
    const request = { case: "members" as const, value: create(MembersRequestSchema) };
    return this.#ask(request, answerOf("members"), signal);
  }

  changeMembership(change: MembershipChange, signal: AbortSignal): Promise<ChangeMembershipResponse> {
    const value = create(ChangeMembershipRequestSchema, { change });
    return this.#ask({ case: "changeMembership", value }, answerOf("changeMembership"), signal);
  }

  transferLeadership(to: bigint | undefined, signal: AbortSignal): Promise<TransferLeadershipResponse> {
    const value = create(TransferLeadershipRequestSchema, to === undefined ? {} : { nodeId: to });
    return this.#ask({ case: "transferLeadership", value }, answerOf("transferLeadership"), signal);
  }

  log(request: LogRequest, signal: AbortSignal): AsyncGenerator<LogResponse> {
    const type = { case: "log" as const, value: request };
    return this.#read(type, answerOf("log"), signal);
  }

  async *backup(signal: AbortSignal): AsyncGenerator<BackupPiece> {
    const type = { case: "backup" as const, value: create(BackupRequestSchema) };
    for await (const piece of this.#read(type, answerOf("backup"), signal)) {
      const { length } = piece.data;
      if (length > maxChunkBytes)
        throw noAnswerError(this.address, `a piece of ${length} bytes; the limit is ${maxChunkBytes}`);
      yield piece;
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

  /** Has a call answered by one reply, from which `take` takes the answer, if it is one. */
  #ask<T>(
    request: Call["type"],
    take: (reply: Reply["type"]) => T | undefined,
    signal: AbortSignal,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        this.#aborts.remove(signal, onAbort);
        this.#open.delete(id);
        how();
      };
      const id = this.#call(request, {
        onReply: (reply) =>
          settle(() => {
            const answer = take(reply);
            if (answer === undefined) reject(this.#failure(reply));
            else resolve(answer);
          }),
        onLost: (error) => settle(() => reject(error)),
      });
      const onAbort = (): void => {
        this.#cancel(id);
        reject(abortedError(this.address, signal));
      };
      this.#aborts.add(signal, onAbort);
    });
  }

  /** Reads a stream, for as long as the caller does: when it pauses, the server does soon. */
  async *#read<T>(
    request: Call["type"],
    take: (reply: Reply["type"]) => T | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<T> {
    const pieces = new StreamPieces<T>();
    const id = this.#call(request, {
      onReply: (reply) => this.#onPiece(id, pieces, take(reply), reply),
      onLost: (error) => pieces.end(error),
    });
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

  #call(type: Call["type"], call: OpenCall): bigint {
    const id = ++this.#lastId;
    this.#open.set(id, call);
    this.send({ id, type });
    return id;
  }

  #cancel(id: bigint): void {
    if (this.#open.delete(id)) this.send({ id, type: { case: "cancel", value: true } });
  }

  #onPiece<T>(id: bigint, pieces: StreamPieces<T>, piece: T | undefined, reply: Reply["type"]): void {
    if (piece !== undefined) {
      if (pieces.length < streamCredit) pieces.add(piece);
      else this.onFault(`it sends more of a ${reply.case} than was taken`);
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
