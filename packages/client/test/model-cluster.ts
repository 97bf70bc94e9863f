// What a cluster does with updates, without the cluster: one order, sessions, and a state machine that remembers what
// it was given.
import { UpdateKind, type ClientUpdate } from "@paxos/proto";

export type ModelOutcome =
  | {
      readonly kind: "ordered";
      readonly duplicate: boolean;
      readonly seq: number;
      readonly result: Uint8Array;
    }
  | { readonly kind: "expired" }
  | { readonly kind: "invalid" };

interface ModelSession {
  readonly id: bigint;
  forgottenUpTo: bigint;
  readonly answers: Map<bigint, { readonly seq: number; readonly result: Uint8Array }>;
}

export class ModelCluster {
  /** The seqs at which each update was executed, by its text. */
  readonly executions = new Map<string, number[]>();
  registrations = 0;
  duplicates = 0;
  expired = 0;
  #seq = 0;
  readonly #sessions = new Map<bigint, ModelSession>();

  constructor(private readonly window: number) {}

  /** Orders an update. */
  order(update: ClientUpdate): ModelOutcome {
    const { clientId, timestamp, session, answeredUpTo } = update;
    const known = this.#sessions.get(clientId);
    if (update.kind === UpdateKind.REGISTER) {
      const result = new Uint8Array();
      const seq = ++this.#seq;
      if (known !== undefined) return ordered(true, Number(known.id), result);
      this.registrations++;
      this.#sessions.set(clientId, { id: BigInt(seq), forgottenUpTo: 0n, answers: new Map() });
      return ordered(false, seq, result);
    }
    if (timestamp <= answeredUpTo || timestamp > answeredUpTo + BigInt(this.window))
      return { kind: "invalid" };
    const seq = ++this.#seq;
    if (known === undefined || known.id !== session) return this.#isExpired();
    if (answeredUpTo > known.forgottenUpTo) known.forgottenUpTo = answeredUpTo;
    for (const t of known.answers.keys()) if (t <= known.forgottenUpTo) known.answers.delete(t);
    const before = known.answers.get(timestamp);
    if (before !== undefined) {
      this.duplicates++;
      return ordered(true, before.seq, before.result);
    }
    if (timestamp <= known.forgottenUpTo) return this.#isExpired();
    const text = new TextDecoder().decode(update.update);
    const result = new TextEncoder().encode(`${text} at ${seq}`);
    this.executions.set(text, [...(this.executions.get(text) ?? []), seq]);
    known.answers.set(timestamp, { seq, result });
    return ordered(false, seq, result);
  }

  /** Forgets all sessions, as if very many other clients had come. */
  forget(): void {
    this.#sessions.clear();
  }

  #isExpired(): ModelOutcome {
    this.expired++;
    return { kind: "expired" };
  }
}

function ordered(duplicate: boolean, seq: number, result: Uint8Array): ModelOutcome {
  return { kind: "ordered", duplicate, seq, result };
}
