// A copy of the state machine, and the order of its commands.
import { locks } from "../src/locks.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class LocksCopy {
  readonly machine: ReturnType<typeof locks.create> = locks.create();
  seq = 0;

  /** The whole answer, of whatever kind. */
  applied(name: keyof typeof locks.commands, input: object): unknown {
    const update = encoder.encode(JSON.stringify([name, 0, input]));
    return JSON.parse(decoder.decode(this.machine.apply(update, ++this.seq, 0)));
  }

  /** What a command answers that the schema takes. */
  apply(name: keyof typeof locks.commands, input: object): unknown {
    const [status, result] = this.applied(name, input) as [number, unknown];
    if (status !== 0) throw new Error(`${name} was not taken: ${JSON.stringify(input)}`);
    return result;
  }

  snapshot(): Iterator<Uint8Array, undefined> {
    const pieces = this.machine.snapshot?.() ?? [];
    if (!(Symbol.iterator in pieces)) throw new Error("the snapshot comes later");
    return pieces[Symbol.iterator]() as Iterator<Uint8Array, undefined>;
  }

  query(name: keyof typeof locks.queries, input: object): unknown {
    const answer = this.machine.query(encoder.encode(JSON.stringify([name, input])));
    return (JSON.parse(decoder.decode(answer)) as [number, unknown])[1];
  }
}
