import type { StateMachine } from "@paxos/core";

/** Keeps every update as text, and answers with its place among them. */
export class RecordingMachine implements StateMachine {
  readonly applied: string[] = [];
  readonly seqs: number[] = [];

  apply(update: Uint8Array, seq: number): Uint8Array {
    this.seqs.push(seq);
    return bytes(`${this.applied.push(text(update))}: ${text(update)}`);
  }
}

export function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

export function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}
