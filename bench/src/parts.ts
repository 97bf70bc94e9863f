// The benchmarks that the page of results is made of, in its order.
import { cluster } from "./cluster/cluster.js";
import { codec } from "./codec/codec.js";
import { core } from "./core/core.js";
import { failover } from "./faults/failover.js";
import { followers } from "./faults/followers.js";
import { growth } from "./growth/growth.js";
import { storage } from "./storage/storage.js";
import { transport } from "./transport/transport.js";
import type { Part } from "./part.js";

/** By name. */
export const parts: Readonly<Record<string, Part>> = {
  core,
  codec,
  storage,
  transport,
  cluster,
  growth,
  followers,
  failover,
};
