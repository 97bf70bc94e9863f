import type { ClientTransportSettings } from "@paxos/transport-kit";
import { ServerCall } from "./server-call.js";

/** The connection to one server: made when first needed, and again after a loss. */
export class ServerConnection {
  readonly #closing = new AbortController();
  /** Those that have not come to their end; all but one are about to. */
  readonly #open = new Set<ServerCall>();
  #current: ServerCall | undefined;

  constructor(
    private readonly address: string,
    private readonly settings: ClientTransportSettings,
  ) {}

  /** A connection, perhaps not made yet, on which requests can be made. */
  get current(): ServerCall {
    return (this.#current ??= this.#call());
  }

  /** Resolves when nothing is left open. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#open].map(({ ended }) => ended));
  }

  #call(): ServerCall {
    const call = new ServerCall(this.address, this.settings, this.#closing.signal, () => {
      if (this.#current === call) this.#current = undefined;
    });
    this.#open.add(call);
    void call.ended.then(() => this.#open.delete(call));
    return call;
  }
}
