import type { ClientHandler } from "@paxos/core";
import type { Frame } from "@paxos/proto";
import { oncePerTurn, UpdateStream } from "@paxos/transport-kit";
import { CallServer } from "./call-server.js";
import type { Faults } from "./counters.js";
import { encodeAnswers } from "./frame.js";
import type { Link } from "./link.js";

/** What one client has under way on its connection: updates and queries, and other calls. */
export class ClientSession {
  readonly #updates: UpdateStream;
  readonly #calls: CallServer;

  constructor(
    private readonly link: Link & {
      /** To be called when the session has become ready again. */
      goOn(): void;
    },
    host: { readonly handler: ClientHandler; readonly faults: Faults; readonly maxRequestBytes: number },
  ) {
    const { handler, faults, maxRequestBytes } = host;
    this.#calls = new CallServer(link, handler, faults, maxRequestBytes);
    this.#updates = new UpdateStream(
      handler,
      faults,
      { maxRequestBytes },
      oncePerTurn(() => {
        this.#sendAnswers();
        link.goOn();
      }),
    );
  }

  /** False while the client does not take its answers. */
  get ready(): boolean {
    return this.#updates.hasRoom;
  }

  /** Takes what a frame asks for. Says why the connection must be closed, if it must. */
  take(frame: Frame): string | undefined {
    if (frame.updates !== undefined) this.#updates.take(frame.updates);
    for (const call of frame.calls) {
      const fault = this.#calls.take(call);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  onWritable(): void {
    this.#sendAnswers();
    this.#calls.onWritable();
  }

  /** Abandons everything. */
  close(): void {
    this.#updates.close();
    this.#calls.close();
  }

  #sendAnswers(): void {
    while (!this.link.ended && this.link.writable) {
      const answers = this.#updates.takeAnswers();
      if (answers === undefined) return;
      this.link.sendNow(encodeAnswers(answers));
    }
  }
}
