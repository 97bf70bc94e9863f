// Loaded into a server before its program: tells over the channel to its parent how late its event loop was.
import { monitorEventLoopDelay } from "node:perf_hooks";

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on("message", () => {
  // Nanoseconds; a sample counts the distance between two looks, of which 5 ms are meant.
  process.send?.({ p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 });
  delay.reset();
});
// It keeps no server alive.
process.channel?.unref();
