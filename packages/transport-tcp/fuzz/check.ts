import type { ClientHandler } from "@paxos/core";
import { AcceptingNode } from "../test/accepting-node.js";
import type { Input } from "./conversation.js";
import { judge, type Outcome } from "./model.js";

/** A handler that answers nothing, and knows what it was asked and whether that was given up. */
class Parked implements ClientHandler {
  readonly updates: string[] = [];
  readonly signals: AbortSignal[] = [];
  readonly calls: string[] = [];

  clientUpdate: ClientHandler["clientUpdate"] = ({ clientId, timestamp }, signal) => {
    this.updates.push(`${clientId}/${timestamp}`);
    return this.#park(signal);
  };

  log: ClientHandler["log"] = (_request, signal) => this.#stream("log", signal);
  backup: ClientHandler["backup"] = (signal) => this.#stream("backup", signal);

  status: ClientHandler["status"] = () => {
    this.calls.push("status");
    return new Promise(() => undefined);
  };

  query: ClientHandler["query"] = (_, signal) => this.#call("query", signal);
  takeSnapshot: ClientHandler["takeSnapshot"] = (signal) => this.#call("takeSnapshot", signal);
  changeMembership: ClientHandler["changeMembership"] = (_, signal) => this.#call("changeMembership", signal);
  transferLeadership: ClientHandler["transferLeadership"] = (_, signal) =>
    this.#call("transferLeadership", signal);

  members: ClientHandler["members"] = () => {
    this.calls.push("members");
    return new Promise(() => undefined);
  };

  #call(kind: string, signal: AbortSignal): Promise<never> {
    this.calls.push(kind);
    return this.#park(signal);
  }

  #stream(kind: string, signal: AbortSignal): AsyncIterable<never> {
    this.calls.push(kind);
    return { [Symbol.asyncIterator]: () => ({ next: () => this.#park(signal) }) };
  }

  #park(signal: AbortSignal): Promise<never> {
    this.signals.push(signal);
    return new Promise(() => undefined);
  }
}

/** What a connection may hold on to for the bytes that wait: twice what has come, and a chunk. */
const chunkBytes = 64 * 1024;

/**
 * Lets an accepted connection have an input, and compares what it does with what it must. Throws when it does anything else,
 * keeps too much memory, or leaves something behind.
 */
export function check({ chunks, ends }: Input): void {
  const handler = new Parked();
  const node = new AcceptingNode(handler);
  const { link } = node.accept();
  let arrived = 0;
  for (const chunk of chunks) {
    link.receive(Uint8Array.from(chunk));
    arrived += chunk.length;
    if (link.held > 2 * arrived + chunkBytes) throw new Error(`holds ${link.held} bytes of ${arrived}`);
  }
  const open = !link.ended;
  if (ends && open) link.receiveEnd();
  const counts = Object.entries(node.counts);
  const outcome: Outcome = {
    open: !link.ended,
    messages: node.received.length,
    updates: handler.updates,
    calls: handler.calls,
  };
  const [counter, more] = counts;
  if (more !== undefined || (counter?.[1] ?? 1) !== 1) throw new Error(`counts ${JSON.stringify(counts)}`);
  if (counter !== undefined) outcome.counter = counter[0];
  compare(outcome, judge(Buffer.concat(chunks), ends));
  link.hangUp();
  if (handler.signals.some(({ aborted }) => !aborted))
    throw new Error("a closed connection has work under way");
}

function compare(outcome: Outcome, expected: Outcome): void {
  const told = (it: Outcome): string =>
    JSON.stringify([it.open, it.counter ?? "", it.messages, it.updates, it.calls]);
  if (told(outcome) !== told(expected)) throw new Error(`is ${told(outcome)}, must be ${told(expected)}`);
}
