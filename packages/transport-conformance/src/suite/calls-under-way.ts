import type { ClientTransport } from "@paxos/core";
import type { Waiting } from "./handlers.js";
import { update } from "./messages.js";
import { callSlowly, slowKinds } from "./slow-calls.js";
import { openStream, streamKinds } from "./streams.js";
import { errorOf, until } from "./until.js";

/** One call of each kind, under way at a server whose handler waits. */
export class CallsUnderWay {
  private constructor(
    private readonly handler: Waiting,
    /** What becomes of them, once they have ended. */
    readonly errors: Promise<unknown[]>,
  ) {}

  static async start(handler: Waiting, client: ClientTransport, address: string): Promise<CallsUnderWay> {
    const { signal } = new AbortController();
    const streams = streamKinds.map((kind) => openStream(kind, client, address, signal));
    await Promise.all(streams.map((stream) => stream.next()));
    const calls = [
      client.clientUpdate(address, update(1), signal),
      ...slowKinds.map((kind) => callSlowly(kind, client, address, signal)),
      ...streams.map((stream) => stream.next()),
    ];
    const errors = Promise.all(calls.map(errorOf));
    await until(() => handler.asked.length === 1 && handler.allAsked(1), "the calls are under way");
    return new CallsUnderWay(handler, errors);
  }

  /** The handler has learnt that nobody waits for any of them. */
  async givenUp(): Promise<void> {
    const { handler } = this;
    await until(() => handler.cancelled === 1 && handler.allCancelled, "the calls were ended");
    await until(() => handler.open === 0, "the streams were ended");
  }
}
