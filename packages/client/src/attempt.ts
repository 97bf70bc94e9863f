// One sending of an update to one server.
import { type ClientTransport, type RequestError, type UpdateCaller, type UpdateIntake } from "@paxos/core";
import type { ClientUpdate } from "@paxos/proto";
import { requestErrorOf } from "./asking.js";
import type { Server } from "./servers.js";

/** What a server has answered. */
export interface Answer {
  readonly seq: number;
  readonly result: Uint8Array;
  readonly duplicate: boolean;
  readonly leader: number | undefined;
}

/** Told how it ended: also after it was abandoned. */
interface AttemptOwner {
  onAnswer(attempt: Attempt, answer: Answer): void;
  onError(attempt: Attempt, error: RequestError): void;
}

export class Attempt implements UpdateCaller {
  #update: ClientUpdate | undefined;
  /** Where it was handed in, if the transport takes many at once; otherwise what ends the call. */
  #intake: UpdateIntake | undefined;
  #controller: AbortController | undefined;

  constructor(
    readonly server: Server,
    /** In the time of the environment. */
    readonly since: number,
    private readonly owner: AttemptOwner,
  ) {}

  /** Tells its owner nothing before it returns: who begins it is not ready for its end. */
  begin(transport: ClientTransport, parcel: { compose(): ClientUpdate }): void {
    const { address } = this.server;
    try {
      const update = (this.#update = parcel.compose());
      const intake = (this.#intake = transport.updatesTo?.(address));
      if (intake !== undefined) return intake.take(update, this);
      this.#controller = new AbortController();
      transport.clientUpdate(address, update, this.#controller.signal).then(
        ({ seq, result, duplicate, leaderId }) =>
          this.owner.onAnswer(this, {
            seq: Number(seq),
            result,
            duplicate,
            leader: leaderId === undefined ? undefined : Number(leaderId),
          }),
        (error: unknown) => this.onFailed(error),
      );
    } catch (error) {
      queueMicrotask(() => this.onFailed(error));
    }
  }

  onOrdered(seq: number, result: Uint8Array, duplicate: boolean): void {
    this.owner.onAnswer(this, { seq, result, duplicate, leader: this.#intake?.leader });
  }

  onFailed(error: unknown): void {
    this.owner.onError(this, requestErrorOf(error));
  }

  /** Nobody waits for its answer any more. */
  abandon(reason?: unknown): void {
    if (this.#intake !== undefined && this.#update !== undefined) this.#intake.leave(this.#update, this);
    else this.#controller?.abort(reason);
  }
}
