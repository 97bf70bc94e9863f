import type { StateMachine } from "@paxos/core";
import { digestOf } from "../digest.js";
import { decodeCall } from "../clients/call.js";
import type { SimulatedStateMachine } from "../workload.js";
import type { Seat } from "./seat.js";
import type { Life } from "./life.js";
import { withGlobalsOf, type NodeGlobals } from "./node-globals.js";

/** The start of virtual time on the calendar: 2026-01-01. */
const calendarStartMs = 1_767_225_600_000;

/** One process's copy of the state machine under test, with everything it does told to the checkers. */
export class ObservedStateMachine implements StateMachine {
  readonly #machine: SimulatedStateMachine;
  readonly #globals: NodeGlobals;

  constructor(
    private readonly seat: Seat,
    private readonly life: Life,
    /** Which process of the host it is. */
    number: number,
  ) {
    const { world, makeStateMachine } = seat.surroundings;
    this.#globals = {
      now: () => calendarStartMs + seat.clockOffsetMs + Math.floor(world.now / 1000),
      random: seat.random.fork(`globals ${number}`),
    };
    this.#machine = withGlobalsOf(this.#globals, () => makeStateMachine(seat.id));
  }

  apply(bytes: Uint8Array, seq: number): Uint8Array {
    const { id, surroundings } = this.seat;
    const { world, checkers, calls } = surroundings;
    if (!this.life.acts()) return new Uint8Array();
    const decoded = decodeCall(bytes);
    const call = decoded && calls.find(decoded.id, decoded.update);
    if (decoded === undefined || call === undefined) {
      world.violate("only-proposed", `node ${id} applies at seq ${seq} what no client has sent`);
      return new Uint8Array();
    }
    // A copy: what the state machine does to it must not reach other nodes.
    const given = decoded.update.slice();
    const { result, digest } = withGlobalsOf(this.#globals, () => ({
      result: this.#machine.apply(given, seq),
      digest: this.#machine.digest?.(),
    }));
    if (!(result instanceof Uint8Array)) {
      world.violate("state-machine", `apply gives ${describe(result)}; it must give a Uint8Array, at once`);
      return new Uint8Array();
    }
    if (digest !== undefined && !["string", "number", "bigint"].includes(typeof digest)) {
      world.violate(
        "state-machine",
        `digest gives ${describe(digest)}; it must give a string, number or bigint`,
      );
    }
    // In production these are bytes of the log, which is sent to other nodes and read by clients.
    if (calls.find(call.id, given) === undefined) {
      world.violate(
        "changed-update",
        `the state machine of node ${id} changes the update that it is given at seq ${seq}`,
      );
    }
    world.trace.note("A", id, seq, call.id);
    world.trace.note("a", digestOf(result), digestOf(decoded.update));
    if (world.trace.verbose) world.trace.line(`node ${id} applies call ${call.id} at seq ${seq}`);
    for (const checker of checkers) checker.applied?.({ nodeId: id, seq, call, result, digest });
    return result;
  }
}

function describe(value: unknown): string {
  return value instanceof Promise ? "a promise" : typeof value;
}
