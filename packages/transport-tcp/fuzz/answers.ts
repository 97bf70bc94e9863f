// What a client is told, and when: frames of a client that are right, between them answers of the handler in any order, and
// a connection that takes what is sent, or does not. What is sent is compared with a model.
import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler } from "@paxos/core";
import {
  FailureCode,
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  StatusResponseSchema,
  type Frame,
  type GloballyOrderedUpdate,
  type LogResponse,
  type StatusResponse,
} from "@paxos/proto";
import fc from "fast-check";
import { encodeFrame } from "../src/frame.js";
import { AcceptingNode } from "../test/accepting-node.js";
import { AnswersModel } from "./answers-model.js";
import { fromClient, type FrameInit } from "./conversation.js";

/** One thing that happens; numbers choose among those of that kind that wait. */
export type Step =
  | { readonly frame: FrameInit }
  | { readonly settle: "answer" | "fail" | "status" | "piece" | "end"; readonly which: number }
  | { readonly writable: boolean }
  | { readonly congested: boolean };

const settlement = fc.record({
  settle: fc.constantFrom("answer", "answer", "fail", "status", "piece", "piece", "end"),
  which: fc.nat(10),
});

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fromClient.map((frame) => ({ frame })) },
    { weight: 6, arbitrary: settlement },
    fc.boolean().map((writable) => ({ writable })),
    fc.boolean().map((congested) => ({ congested })),
  ),
  { maxLength: 30 },
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
  readonly updates: Waiting<GloballyOrderedUpdate>[] = [];
  readonly statuses: Waiting<StatusResponse>[] = [];
  readonly pieces: Waiting<IteratorResult<LogResponse>>[] = [];

  clientUpdate: ClientHandler["clientUpdate"] = ({ clientId, timestamp }, signal) => {
    const id = `${clientId}/${timestamp}`;
    this.handed.push(id);
    return park(this.updates, id, signal);
  };
  log: ClientHandler["log"] = (_request, signal) => ({
    [Symbol.asyncIterator]: () => ({ next: () => park(this.pieces, "", signal) }),
  });
  status: ClientHandler["status"] = () => park(this.statuses, "");

  settle(what: "answer" | "fail" | "status" | "piece" | "end", which: number): string | undefined {
    const list: Waiting<never>[] =
      what === "status" ? this.statuses : what === "piece" || what === "end" ? this.pieces : this.updates;
    const [waiting] = list.splice(list.length === 0 ? 0 : which % list.length, 1);
    const settled: Waiting<unknown> | undefined = waiting;
    if (what === "answer") settled?.resolve(create(GloballyOrderedUpdateSchema, { seq: 1n }));
    else if (what === "fail") settled?.reject(new RequestError("invalid", "no"));
    else if (what === "status") settled?.resolve(create(StatusResponseSchema, { nodeId: 1n }));
    else if (what === "piece") settled?.resolve({ done: false, value: create(LogResponseSchema) });
    else settled?.resolve({ done: true, value: undefined });
    return settled?.id;
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
        statuses: repliesOf(link.frames, "status"),
        pieces: repliesOf(link.frames, "log"),
        ends: repliesOf(link.frames, "end"),
      },
      model.told,
    );
  }
  link.hangUp();
  await turn();
  if (handler.updates.length > 0 || handler.pieces.length > 0)
    throw new Error("a closed connection has work under way");
}

function repliesOf(frames: readonly Frame[], kind: string): number {
  return frames.flatMap(({ replies }) => replies).filter(({ type }) => type.case === kind).length;
}

function compare(is: AnswersModel["told"], must: AnswersModel["told"]): void {
  if (JSON.stringify(is) !== JSON.stringify(must))
    throw new Error(`is ${JSON.stringify(is)}, must be ${JSON.stringify(must)}`);
}
