// What a client is told, and when: frames of a client that are right, between them answers of the handler in any order, and
// a connection that takes what is sent, or does not. What is sent is compared with a model.
import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler } from "@paxos/core";
import {
  FailureCode,
  BackupPieceSchema,
  ChangeMembershipResponseSchema,
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  MembersResponseSchema,
  QueryResponseSchema,
  StatusResponseSchema,
  TakeSnapshotResponseSchema,
  TransferLeadershipResponseSchema,
  type Frame,
  type GloballyOrderedUpdate,
} from "@paxos/proto";
import fc from "fast-check";
import { encodeFrame } from "../src/frame.js";
import { AcceptingNode } from "../test/accepting-node.js";
import { AnswersModel, questionKinds, type QuestionKind, type Settlement } from "./answers-model.js";
import { fromClient, type FrameInit } from "./conversation.js";

/** One thing that happens; numbers choose among those of that kind that wait. */
export type Step =
  | { readonly frame: FrameInit }
  | { readonly settle: Settlement; readonly which: number }
  | { readonly writable: boolean }
  | { readonly congested: boolean };

const settlement = fc.record({
  settle: fc.oneof(
    { weight: 2, arbitrary: fc.constant<Settlement>("answer") },
    // A stream's credit is used up by several of them.
    { weight: 6, arbitrary: fc.constant<Settlement>("piece") },
    { weight: 2, arbitrary: fc.constantFrom<Settlement[]>("fail", "end") },
    { weight: 2, arbitrary: fc.constantFrom<Settlement[]>(...questionKinds) },
  ),
  which: fc.nat(10),
});

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fromClient.map((frame) => ({ frame })) },
    { weight: 6, arbitrary: settlement },
    fc.boolean().map((writable) => ({ writable })),
    fc.boolean().map((congested) => ({ congested })),
  ),
  // Without the size, ten at most.
  { maxLength: 40, size: "max" },
);

/** Something that a test settles when its time has come. */
interface Waiting<T> {
  readonly id: string;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function park<T>(list: Waiting<T>[], id: string, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const waiting = { id, resolve, reject };
    list.push(waiting);
    signal?.addEventListener("abort", () => {
      const index = list.indexOf(waiting);
      if (index >= 0) list.splice(index, 1);
      reject(new RequestError("cancelled", "the client has gone"));
    });
  });
}

class Settling implements ClientHandler {
  readonly handed: string[] = [];
  /** And queries that came in batches. */
  readonly updates: Waiting<GloballyOrderedUpdate>[] = [];
  readonly questions: { readonly [K in QuestionKind]: Waiting<Awaited<ReturnType<ClientHandler[K]>>>[] } = {
    status: [],
    query: [],
    members: [],
    takeSnapshot: [],
    changeMembership: [],
    transferLeadership: [],
  };
  /** Of all streams. */
  readonly pieces: Waiting<"piece" | "end">[] = [];

  clientUpdate: ClientHandler["clientUpdate"] = ({ clientId, timestamp }, signal) => {
    const id = `${clientId}/${timestamp}`;
    this.handed.push(id);
    return park(this.updates, id, signal);
  };
  log: ClientHandler["log"] = (_request, signal) => this.#stream(create(LogResponseSchema), signal);
  backup: ClientHandler["backup"] = (signal) => this.#stream(create(BackupPieceSchema), signal);
  status: ClientHandler["status"] = () => park(this.questions.status, "");
  members: ClientHandler["members"] = () => park(this.questions.members, "");
  query: ClientHandler["query"] = async ({ query }, signal) => {
    // Calls ask nothing; queries in batches begin with their ids.
    if (query.length === 0) return park(this.questions.query, "", signal);
    const id = `q${query[0]}`;
    this.handed.push(id);
    await park(this.updates, id, signal);
    return create(QueryResponseSchema);
  };
  takeSnapshot: ClientHandler["takeSnapshot"] = (signal) => park(this.questions.takeSnapshot, "", signal);
  changeMembership: ClientHandler["changeMembership"] = (_, signal) =>
    park(this.questions.changeMembership, "", signal);
  transferLeadership: ClientHandler["transferLeadership"] = (_, signal) =>
    park(this.questions.transferLeadership, "", signal);

  /** Whether it is busy with what it would know to be given up. */
  get isBusy(): boolean {
    const { query, takeSnapshot, changeMembership, transferLeadership } = this.questions;
    const lists = [this.updates, this.pieces, query, takeSnapshot, changeMembership, transferLeadership];
    return lists.some(({ length }) => length > 0);
  }

  settle(what: Settlement, which: number): string | undefined {
    const { questions } = this;
    switch (what) {
      case "answer":
        return this.#settle(this.updates, which, create(GloballyOrderedUpdateSchema, { seq: 1n }));
      case "fail":
        return this.#settle(this.updates, which, new RequestError("invalid", "no"));
      case "status":
        return this.#settle(questions.status, which, create(StatusResponseSchema));
      case "members":
        return this.#settle(questions.members, which, create(MembersResponseSchema));
      case "query":
        return this.#settle(questions.query, which, create(QueryResponseSchema));
      case "takeSnapshot":
        return this.#settle(questions.takeSnapshot, which, create(TakeSnapshotResponseSchema));
      case "changeMembership":
        return this.#settle(questions.changeMembership, which, create(ChangeMembershipResponseSchema));
      case "transferLeadership":
        return this.#settle(questions.transferLeadership, which, create(TransferLeadershipResponseSchema));
      case "piece":
      case "end":
        return this.#settle(this.pieces, which, what);
    }
  }

  #settle<T>(list: Waiting<T>[], which: number, outcome: T | Error): string | undefined {
    const [waiting] = list.splice(list.length === 0 ? 0 : which % list.length, 1);
    if (outcome instanceof Error) waiting?.reject(outcome);
    else waiting?.resolve(outcome);
    return waiting?.id;
  }

  #stream<T>(value: T, signal: AbortSignal): AsyncIterable<T> {
    const next = async (): Promise<IteratorResult<T>> =>
      (await park(this.pieces, "", signal)) === "piece"
        ? { done: false, value }
        : { done: true, value: undefined };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }
}

/** Answers become known, and then leave at the end of the turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** Throws when the client is told anything else than it must be. */
export async function checkAnswers(happens: readonly Step[]): Promise<void> {
  const handler = new Settling();
  const node = new AcceptingNode(handler);
  const { link, connection } = node.accept();
  link.receive(encodeFrame({ clientHello: { protocolVersion: 1 } }));
  const model = new AnswersModel();
  for (const step of happens) {
    if ("frame" in step) {
      link.receive(encodeFrame(step.frame));
      model.receive(step.frame);
    } else if ("settle" in step) {
      const waits = handler.settle(step.settle, step.which);
      model.settle(step.settle, step.which, waits);
    } else if ("writable" in step) {
      link.writable = step.writable;
      if (step.writable) connection.onWritable();
      model.setWritable(step.writable);
    } else {
      link.congested = step.congested;
      if (!step.congested) link.goOn();
      model.setCongested(step.congested);
    }
    await turn();
    model.turn();
    compare(
      {
        handed: handler.handed,
        open: !link.ended,
        answers: link.frames.flatMap(({ answers }) =>
          (answers?.answers ?? []).map(
            ({ clientId, timestamp, failure }) =>
              `${clientId}/${timestamp} ${failure === undefined ? "ordered" : FailureCode[failure.code]}`,
          ),
        ),
        queryAnswers: link.frames.flatMap(({ answers }) =>
          (answers?.queryAnswers ?? []).map(
            ({ id, outcome }) =>
              `q${id} ${outcome.case === "failure" ? FailureCode[outcome.value.code] : "ordered"}`,
          ),
        ),
        replies: repliesOf(link.frames),
      },
      model.told,
    );
  }
  link.hangUp();
  await turn();
  if (handler.isBusy) throw new Error("a closed connection has work under way");
}

/** Without the failures of calls that nobody knows: the model leaves them out. */
function repliesOf(frames: readonly Frame[]): string[] {
  return frames
    .flatMap(({ replies }) => replies)
    .filter(({ type }) => type.case !== "failure")
    .map(({ id, type }) => `${id} ${type.case}`);
}

function compare(is: AnswersModel["told"], must: AnswersModel["told"]): void {
  if (JSON.stringify(is) !== JSON.stringify(must))
    throw new Error(`is ${JSON.stringify(is)}, must be ${JSON.stringify(must)}`);
}
