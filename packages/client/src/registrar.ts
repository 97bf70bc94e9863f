// The session under which updates are sent: registered when first needed, and again when the cluster has forgotten it.
import { create } from "@bufbuild/protobuf";
import { ClientUpdateSchema, UpdateKind } from "@paxos/proto";
import { Delivery, type DeliveryEnd, type DeliveryParts, type Trouble } from "./delivery.js";
import { Session } from "./session.js";

/** The pause before a session is replaced under which nothing was answered; doubled each time, up to the second. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** Whom it tells. */
export interface RegistrarListener {
  /** There is a session. */
  onRegistered(): void;
  /** The servers do not register this client, and will not. */
  onRefused(code: "too_large" | "invalid", reason: string, cause: Error): void;
}

/** Keeps a client registered. */
export class Registrar {
  #session: Session;
  #registration: Delivery | undefined;
  /** Sessions forgotten one after another without an update being answered. */
  #unused = 0;

  constructor(
    private readonly parts: DeliveryParts,
    private readonly listener: RegistrarListener,
  ) {
    this.#session = this.#newSession();
  }

  /** The session to use. Undefined while there is none; it is being registered then. */
  session(): Session | undefined {
    if (this.#session.id !== undefined) return this.#session;
    if (this.#registration === undefined) this.#register();
    return this.#session.id === undefined ? undefined : this.#session;
  }

  /** What stands in the way of the registration that is under way, if anything does. */
  get trouble(): Trouble | undefined {
    if (this.#registration === undefined) return undefined;
    return this.#registration.trouble ?? { code: "timed_out", reason: "no answer yet" };
  }

  /** An update was answered under the session. */
  isUsed(): void {
    this.#unused = 0;
  }

  /** The cluster has forgotten that session. Said many times, it is replaced once. */
  isForgotten(session: Session): void {
    if (session !== this.#session) return;
    this.#unused++;
    this.#session = this.#newSession();
  }

  /** Nobody waits for a session any more. A registration that is under way goes on when it is asked for again. */
  stop(): void {
    this.#registration?.stop();
    this.#registration = undefined;
  }

  #newSession(): Session {
    const { environment } = this.parts;
    return new Session(environment.clientId(), environment.sessionWindow);
  }

  #register(): void {
    const session = this.#session;
    this.#registration = new Delivery(this.parts, {
      name: `registration of client ${session.clientId}`,
      deadline: Infinity,
      compose: () => create(ClientUpdateSchema, { clientId: session.clientId, kind: UpdateKind.REGISTER }),
      onEnd: (end) => this.#onEnd(session, end),
    });
    this.#registration.start(this.#pauseMs());
  }

  #pauseMs(): number {
    if (this.#unused < 2) return 0;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (this.#unused - 2), LONGEST_PAUSE_MS);
    return pauseMs * (0.5 + this.parts.environment.random() / 2);
  }

  #onEnd(session: Session, end: DeliveryEnd): void {
    this.#registration = undefined;
    switch (end.kind) {
      case "answered":
        session.id = BigInt(end.seq);
        return this.listener.onRegistered();
      case "refused":
        this.#session = this.#newSession();
        if (end.code !== "expired")
          return this.listener.onRefused(end.code, `the client was not registered: ${end.reason}`, end.cause);
        this.#unused++;
        return this.#register();
      case "too_late":
        return;
    }
  }
}
