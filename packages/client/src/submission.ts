import { UpdateKind, type ClientUpdate } from "@paxos/proto";
import type { Delivery, DeliveryEnd, Parcel } from "./delivery.js";
import type { Standing } from "./line.js";
import type { Session } from "./session.js";
import type { SubmitError } from "./submit-error.js";

/** How an update is submitted. */
export interface SubmitOptions {
  /** Gives up waiting. What was sent may still be executed. */
  readonly signal?: AbortSignal;
  /** How long it may take, in milliseconds: as the option of `connect`, whose value is the default. */
  readonly timeoutMs?: number;
}

/** An update that was ordered. */
export interface Ordered {
  readonly outcome: "ordered";
  /** Its place in the one order, from 1 on. */
  readonly seq: number;
  /** What the state machine answered. */
  readonly result: Uint8Array;
}

/** How a submission was sent last. */
interface Sent {
  readonly session: Session;
  readonly timestamp: number;
  readonly delivery: Delivery;
}

/** An update that was submitted and is not settled. */
export class Submission implements Standing<Submission>, Parcel {
  ahead: Submission | undefined;
  behind: Submission | undefined;
  /** While it stands in line. */
  cancelTimer: (() => void) | undefined;
  /** From when it is sent. */
  sent: Sent | undefined;
  /** The caller's signal and what listens to it. */
  watched: { readonly signal: AbortSignal; readonly onAbort: () => void } | undefined;

  constructor(
    private readonly update: Uint8Array,
    readonly timeoutMs: number,
    /** In the time of the environment. */
    readonly deadline: number,
    readonly resolve: (ordered: Ordered) => void,
    readonly reject: (error: SubmitError) => void,
    private readonly onDeliveryEnd: (submission: Submission, end: DeliveryEnd) => void,
  ) {}

  get name(): string {
    return `update ${this.sent?.timestamp} of client ${this.sent?.session.clientId}`;
  }

  compose(): ClientUpdate {
    const { session, timestamp } = this.sent as Sent;
    // Made as it is: `create` takes as long as all else that is done for an update.
    return {
      $typeName: "paxos.v1.ClientUpdate",
      clientId: session.clientId,
      nodeId: 0n,
      timestamp: BigInt(timestamp),
      update: this.update,
      kind: UpdateKind.UNSPECIFIED,
      session: session.id as bigint,
      answeredUpTo: BigInt(session.answeredUpTo),
    };
  }

  onEnd(end: DeliveryEnd): void {
    this.onDeliveryEnd(this, end);
  }
}
