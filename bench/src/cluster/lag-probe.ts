// Loaded into a server before its program: tells over the channel to its parent how late its event loop was.
import { monitorEventLoopDelay } from "node:perf_hooks";

/** A sample is the distance between two looks, of which so much is meant. */
const everyMs = 5;
const delay = monitorEventLoopDelay({ resolution: everyMs });
delay.enable();
process.on("message", () => {
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - everyMs);
  process.send?.({ p99: late(delay.percentile(99)), max: late(delay.max) });
  delay.reset();
});
// It keeps no server alive.
process.channel?.unref();
