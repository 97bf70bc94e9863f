import type { Random } from "../random.js";
import type { Host } from "../world/host.js";
import type { World } from "../world/world.js";
import type { Call } from "./call.js";
import type { Calls } from "./calls.js";

/** How clients behave. All times in milliseconds. */
export interface ClientConditions {
  /** How many there are; each has one update under way. */
  readonly clients: readonly [number, number];
  /** What a client thinks between two updates. */
  readonly thinkMs: readonly [number, number];
  /** After how long it takes an attempt for lost. */
  readonly timeoutMs: readonly [number, number];
  /** Chance in 1,000 that it gives up then, instead of trying again through another node. */
  readonly givesUpPerMille: number;
  /** Chance in 1,000 that clients of a run, most of them, use the client library instead: its times are its own. */
  readonly libraryPerMille: number;
}

/** What a run adds to that. */
export interface RunConditions extends ClientConditions {
  /** Whether the cluster forgets sessions that are in use: then all clients use the library, and may hear of it. */
  readonly forgetful: boolean;
  /** Whether clients that use the library ask who the members are. */
  readonly discover: boolean;
}

/** Has a client's calls ordered, one after the other. */
export interface Courier {
  /** Sends a call; it ends by one of the methods of {@link Desk}. */
  send(call: Call): void;
  /** From now on it waits for as long as a node works on the call. */
  becomePatient(): void;
}

/** What couriers work with, and whom they tell what became of a call. */
export interface Desk {
  readonly world: World;
  readonly hosts: readonly Host[];
  readonly calls: Calls;
  readonly conditions: RunConditions;
  /** Nodes that clients leave alone. */
  readonly avoided: ReadonlySet<Host>;
  ordered(call: Call, nodeId: number, seq: number, result: Uint8Array): void;
  /** Its node was busy: the call was not taken, and is going to be tried again. */
  busy(call: Call, nodeId: number): void;
  ended(call: Call, outcome: "rejected" | "unknown"): void;
}

/** How long messages between clients and servers take, in microseconds. */
const delayUs = [50, 2000] as const;

export function drawDelay(random: Random): number {
  return random.between(...delayUs);
}

/** A call is being tried, and not for the first time perhaps. */
export function beginAttempt(desk: Desk, call: Call, nodeId: number): void {
  const { world, calls } = desk;
  if (++call.attempts > 1) calls.retries++;
  if (world.trace.verbose) {
    world.trace.line(
      `client ${call.client} sends call ${call.id} to node ${nodeId}, attempt ${call.attempts}`,
    );
  }
}
