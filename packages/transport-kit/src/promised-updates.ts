import { RequestError, type ClientHandler, type UpdateCaller, type UpdateIntake } from "@paxos/core";
import type { ClientUpdate } from "@paxos/proto";

/** The intake of a handler: its own, or one made of its promises. */
export function intakeOf(handler: Pick<ClientHandler, "clientUpdate" | "updateIntake">): UpdateIntake {
  return handler.updateIntake ?? new PromisedUpdates(handler);
}

class PromisedUpdates implements UpdateIntake {
  leader: number | undefined;
  readonly #aborts = new Map<UpdateCaller, AbortController>();

  constructor(private readonly handler: Pick<ClientHandler, "clientUpdate">) {}

  take(update: ClientUpdate, caller: UpdateCaller): void {
    void this.#serve(update, caller);
  }

  leave(_: ClientUpdate, caller: UpdateCaller): void {
    this.#aborts.get(caller)?.abort(new RequestError("cancelled", "the client gave up waiting"));
  }

  // Never rejects.
  async #serve(update: ClientUpdate, caller: UpdateCaller): Promise<void> {
    const abort = new AbortController();
    this.#aborts.set(caller, abort);
    try {
      const { seq, result, duplicate, leaderId } = await this.handler.clientUpdate(update, abort.signal);
      this.leader = leaderId === undefined ? undefined : Number(leaderId);
      caller.onOrdered(Number(seq), result, duplicate);
    } catch (error) {
      caller.onFailed(error);
    } finally {
      this.#aborts.delete(caller);
    }
  }
}
