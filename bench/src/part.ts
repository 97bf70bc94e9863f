import type { Report } from "./report.js";
import type { TransportName } from "./transports.js";

/** What a part is called with. Whatever is undefined was left out: the part has its own default. */
export interface PartOptions {
  /** Bytes of an update. */
  readonly updateBytes: number;
  /** How often everything is measured; the medians are told. */
  readonly runs: number | undefined;
  /** How long a measurement takes. */
  readonly seconds: number | undefined;
  readonly inFlight: readonly number[] | undefined;
  readonly transports: readonly TransportName[] | undefined;
  /** How many updates. */
  readonly updates: number | undefined;
  /** What stands beside it. */
  readonly against: "etcd" | undefined;
  /** Told what has just been measured, in a line. */
  readonly onProgress: (what: string) => void;
}

/** A benchmark. */
export type Part = (options: PartOptions) => Promise<Report>;
