// What the command line asks for.
import type { BenchEnd } from "./bench-load.js";
import type { TransportName } from "./environment.js";
import type { MemberAction } from "./member-arguments.js";

/** Flags of every command. */
export interface CommonFlags {
  readonly port: number;
  readonly hostfile: string;
  readonly transport: TransportName;
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Those of the default command. */
export interface LinesFlags extends CommonFlags {
  /** How long a line is retried; may be Infinity. */
  readonly timeoutMs: number;
  readonly inFlight: number;
  readonly history: boolean;
}

export interface SubmitFlags extends CommonFlags {
  readonly timeoutMs: number;
  /** None: one is read from standard input. */
  readonly updates: readonly string[];
}

export interface LogFlags extends CommonFlags {
  /** Absent: from the first on that is held. */
  readonly from?: number;
  readonly follow: boolean;
  readonly all: boolean;
  readonly server?: number;
}

export interface ReadFlags extends CommonFlags {
  readonly timeoutMs: number;
  readonly local: boolean;
  /** What is asked; empty when nothing is. */
  readonly query: string;
  readonly server?: number;
}

export interface SnapshotFlags extends CommonFlags {
  /** Absent: all. */
  readonly server?: number;
}

export interface MemberFlags extends CommonFlags {
  readonly action: MemberAction;
  readonly force: boolean;
  /** Absent: whichever it is. */
  readonly epoch?: number;
  /** How long is waited for; may be Infinity. */
  readonly timeoutMs: number;
}

export interface TransferFlags extends CommonFlags {
  /** Absent: to whom the leader thinks best. */
  readonly to?: number;
  readonly timeoutMs: number;
}

export interface StatusFlags extends CommonFlags {
  readonly watchMs?: number;
  readonly counters: boolean;
}

export interface BenchFlags extends CommonFlags {
  readonly end: BenchEnd;
  readonly size: number;
  /** Of each client. */
  readonly inFlight: number;
  readonly clients: number;
  readonly timeoutMs: number;
}

/** What the command line asks for. */
export type Invocation =
  | { readonly command: "lines"; readonly flags: LinesFlags }
  | { readonly command: "submit"; readonly flags: SubmitFlags }
  | { readonly command: "log"; readonly flags: LogFlags }
  | { readonly command: "read"; readonly flags: ReadFlags }
  | { readonly command: "snapshot"; readonly flags: SnapshotFlags }
  | { readonly command: "member"; readonly flags: MemberFlags }
  | { readonly command: "transfer"; readonly flags: TransferFlags }
  | { readonly command: "status"; readonly flags: StatusFlags }
  | { readonly command: "bench"; readonly flags: BenchFlags }
  /** Help or version. */
  | { readonly command: "print"; readonly text: string };
