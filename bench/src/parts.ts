// The benchmarks that the page of results is made of, in its order.
import { cluster } from "./cluster/cluster.js";
import { core } from "./core/core.js";
import type { Part } from "./part.js";

/** By name. */
export const parts: Readonly<Record<string, Part>> = { core, cluster };
