import type { DiskTask } from "../world/disk.js";
import type { NetworkConditions } from "../world/network.js";

/**
 * Whom a fault befalls: a node by its id, or by what it is when the fault comes. Of a snapshot's sender and receiver there
 * may be none; then there is no fault.
 */
export type Target = number | "leader" | "follower" | "anybody" | "sender" | "receiver";

/** How a network falls apart. */
export type PartitionShape =
  /** The target hears nobody and is heard by nobody. */
  | "isolated"
  /** The target is not heard. */
  | "mute"
  /** The target does not hear. */
  | "deaf"
  /** The target does not hear one other node, or is not heard by it. */
  | "one-way-link"
  /** One other node does not hear the target. */
  | "unheard-by-one"
  /** Two halves, the target in the smaller one. */
  | "halves"
  /** Each one-way link is cut or not, by chance. */
  | "holes"
  /** Nobody hears anybody. */
  | "scattered"
  /** Everybody hears the target, and the target everybody, and nobody anybody else. */
  | "star"
  /** Everybody hears its neighbours only; the target stands at an end. */
  | "chain"
  /** The leader is cut off wholly, the others hear the target only. */
  | "star-without-leader";

/** How a leader comes to be replaced without noticing. */
export type Usurpation =
  /** A few still hear it, late, who have promised themselves to others. */
  | "late-witnesses"
  /** Those that heard it alone are restarted. */
  | "restarted-witnesses"
  /** Its event loop stalls, and wakes before it hears anything. */
  | "asleep"
  /** It hands over, and is cut off. */
  | "handing-over"
  /** It changes the membership, and hears few of what comes of it. */
  | "changing";

/** What a fault does. Times in microseconds. */
export type Fault =
  /** kill -9; restarted after `downUs`. With `afterEffects` it dies in the midst of its work, after so many effects. */
  | {
      readonly kind: "crash";
      readonly target: Target;
      readonly downUs: number;
      readonly afterEffects?: number;
    }
  | { readonly kind: "crash-all"; readonly downUs: number }
  /** SIGTERM; restarted after `downUs`. */
  | { readonly kind: "stop"; readonly target: Target; readonly downUs: number }
  /** The event loop stalls. */
  | { readonly kind: "pause"; readonly target: Target; readonly forUs: number }
  /** So many ticks of its clock within a moment: its timers expire. */
  | { readonly kind: "hurry"; readonly target: Target; readonly ticks: number }
  /** Its clock ticks at another rate, in thousandths. */
  | { readonly kind: "skew"; readonly target: Target; readonly rate: number; readonly forUs: number }
  | {
      readonly kind: "partition";
      readonly shape: PartitionShape;
      readonly target: Target;
      readonly forUs: number;
      /** The seed of what the shape leaves open. */
      readonly draw: number;
    }
  /** A majority stays together without the target, and everybody's timers expire, some sooner. */
  | {
      readonly kind: "duel";
      readonly target: Target;
      readonly forUs: number;
      readonly ticks: number;
      readonly rounds: number;
      readonly draw: number;
    }
  /** The leader is replaced without noticing: see usurpations.ts. */
  | { readonly kind: "usurp"; readonly how: Usurpation; readonly forUs: number; readonly draw: number }
  /** The whole network changes. */
  | { readonly kind: "storm"; readonly conditions: Partial<NetworkConditions>; readonly forUs: number }
  /** The links to and from the target change. */
  | {
      readonly kind: "slow-links";
      readonly target: Target;
      readonly conditions: Partial<NetworkConditions>;
      readonly forUs: number;
    }
  /** Writes take so many times as long. */
  | { readonly kind: "slow-disk"; readonly target: Target; readonly factor: number; readonly forUs: number }
  /** Nothing is written or read until `forUs` have passed; for ever when that is Infinity: until a restart. */
  | { readonly kind: "hung-disk"; readonly target: Target; readonly forUs: number }
  /** kill -9, and restarted with an empty disk: the others must refuse it. */
  | { readonly kind: "lost-disk"; readonly target: Target }
  /** So much later kill -9, and restarted with a copy of the disk as it is now: the others must refuse it. */
  | { readonly kind: "older-disk"; readonly target: Target; readonly ageUs: number }
  /** The next task of this kind fails, if there is one by then. The process promises nothing any more until it is restarted. */
  | {
      readonly kind: "failing-disk";
      readonly target: Target;
      readonly task: DiskTask;
      readonly forUs: number;
    }
  /** A bit of the disk flips: who reads it must not get it. The node is restarted later, and counts as lost. */
  | {
      readonly kind: "flipped-bit";
      readonly target: Target;
      readonly draw: number;
      readonly restartUs: number;
    }
  /** An operator has a snapshot taken. */
  | { readonly kind: "snapshot"; readonly target: Target }
  /** An operator asks for another membership. */
  | { readonly kind: "change"; readonly target: Target; readonly draw: number }
  /** An operator has the leadership handed over. */
  | { readonly kind: "hand-over"; readonly target: Target; readonly draw: number };

/** A fault, and when it comes. */
export interface PlannedFault {
  /** Virtual time in microseconds. */
  readonly at: number;
  readonly fault: Fault;
  /** What must go on while it lasts. */
  readonly expects?: Expectation;
}

/** What a partition must not prevent. */
export type Expectation =
  /** Within so many progress timeouts from its beginning, updates are ordered again. */
  | { readonly kind: "recovers"; readonly timeouts: number }
  /** Nobody else comes to lead, then or a progress timeout later. */
  | { readonly kind: "keeps-leader" }
  /** Of a crash: so many progress timeouts after the node is back it is level, or two timeouts behind. */
  | { readonly kind: "catches-up"; readonly timeouts: number };

/** What is wrong from the first moment of a run to its last. */
export type Illness = "deaf" | "mute" | "stuck";

export type FaultKind = Fault["kind"];
