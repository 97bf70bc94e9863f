import { decodeClientUpdate, type ClientUpdate } from "@paxos/proto";
import type { OrderedUpdate } from "./outbox.js";

/** An ordered update of a client, decoded when somebody asks what it says: the core itself does not. */
export class LazyUpdate implements OrderedUpdate {
  readonly noop = false;
  #decoded: ClientUpdate | undefined;

  constructor(
    readonly seq: number,
    /** Known to be an encoded ClientUpdate. */
    private readonly bytes: Uint8Array,
  ) {}

  get clientId(): bigint {
    return this.#fields.clientId;
  }

  get nodeId(): bigint {
    return this.#fields.nodeId;
  }

  get timestamp(): bigint {
    return this.#fields.timestamp;
  }

  get update(): Uint8Array {
    return this.#fields.update;
  }

  get kind(): OrderedUpdate["kind"] {
    return this.#fields.kind;
  }

  get session(): bigint {
    return this.#fields.session;
  }

  get answeredUpTo(): bigint {
    return this.#fields.answeredUpTo;
  }

  get #fields(): ClientUpdate {
    return (this.#decoded ??= decodeClientUpdate(this.bytes));
  }
}
