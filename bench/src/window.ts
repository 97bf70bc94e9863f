// What a load does in a while, and what it takes the servers.
import type { PipelinedLoad, Window } from "./pipelined-load.js";
import type { Servers } from "./servers.js";

export interface LoadedWindow extends Window {
  /** Microseconds of processor time for an update, of all servers together. */
  readonly serverMicros: number;
}

export async function measureWindow(
  servers: Servers,
  ids: readonly number[],
  load: PipelinedLoad,
  seconds: number,
): Promise<LoadedWindow> {
  const spent = () => ids.reduce((sum, id) => sum + servers.process(id).processorTime(), 0);
  const before = spent();
  const window = await load.measure(seconds);
  return { ...window, serverMicros: ((spent() - before) * 1e6) / (window.perSecond * window.seconds) };
}
