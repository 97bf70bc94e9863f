import { RequestError, type StateMachine } from "@paxos/core";

/** Keeps every update as text, and answers with its place among them. */
export class RecordingMachine implements StateMachine {
  readonly applied: string[] = [];
  readonly seqs: number[] = [];

  apply(update: Uint8Array, seq: number): Uint8Array {
    this.seqs.push(seq);
    return bytes(`${this.applied.push(text(update))}: ${text(update)}`);
  }

  /** What there is, as one text. */
  query(query: Uint8Array): Uint8Array {
    if (text(query) === "refuse") throw new RequestError("invalid", "nothing of that name");
    if (text(query) === "refuse elsewhere")
      throw Object.assign(new Error("nothing there"), { name: "RequestError", code: "invalid" });
    if (text(query) === "fail") throw new Error("broken");
    return bytes(this.applied.join(" "));
  }

  *snapshot(): Iterable<Uint8Array> {
    // A copy: updates that are applied meanwhile must not show.
    const applied = [...this.applied];
    for (const update of applied) yield bytes(`${update}\n`);
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const piece of pieces) parts.push(piece);
    this.applied.splice(0, this.applied.length, ...text(Buffer.concat(parts)).split("\n").slice(0, -1));
  }
}

export function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

export function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}
