// The benchmarks that stand for themselves: each takes minutes, and prints in its own way.
import { benchChange } from "./change.js";
import { benchLag } from "./lag.js";
import { reportLag, reportRest, reportRestart, reportSoak } from "./long-reports.js";
import type { PartOptions } from "./part.js";
import { reportChange, reportRolling } from "./pause-reports.js";
import { benchReads, reportReads } from "./reads.js";
import { benchRest } from "./rest.js";
import { benchRestart } from "./restart.js";
import { benchRolling } from "./rolling.js";
import { benchSoak } from "./soak.js";

export interface LongOptions extends PartOptions {
  readonly json: boolean;
  /** The file for the curves of soak. */
  readonly plot: string | undefined;
  /** Updates that are submitted in a second. */
  readonly perSecond: number;
}

/** By name. */
export const longOnes: Readonly<Record<string, (options: LongOptions) => Promise<void>>> = {
  lag: async ({ updates = 200_000, json, ...options }) =>
    reportLag(await benchLag({ ...common(options), updates }), json),
  restart: async ({ updates = 1_000_000, json, ...options }) =>
    reportRestart(await benchRestart({ ...common(options), updates }), json),
  soak: async ({ updates = 300_000, json, plot, ...options }) =>
    reportSoak(await benchSoak({ ...common(options), updates }), json, plot),
  rest: async ({ updates = 100_000, json, ...options }) => {
    const { transport, updateBytes } = common(options);
    reportRest(await benchRest(transport, updates, updateBytes), json);
  },
  rolling: async ({ runs = 5, perSecond, json, ...options }) =>
    reportRolling(await benchRolling({ ...common(options), perSecond, runs }), json),
  change: async ({ runs = 10, perSecond, json, ...options }) =>
    reportChange(await benchChange({ ...common(options), perSecond, runs }), json),
  reads: async ({ inFlight = [1, 64, 256], seconds = 5, runs = 3, json, ...options }) =>
    reportReads(await benchReads({ ...common(options), inFlight, seconds, runs }), json),
};

type Common = Pick<PartOptions, "transports" | "updateBytes" | "onProgress">;

function common({ transports, updateBytes, onProgress }: Common) {
  const [transport = "tcp" as const] = transports ?? [];
  return { transport, updateBytes, onProgress };
}
