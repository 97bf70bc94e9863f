// The memory of servers that have nothing to do.
import { PipelinedLoad } from "./pipelined-load.js";
import { Servers } from "./servers.js";
import { newClientTransport, type TransportName } from "./transports.js";

export interface RestResult {
  /** MiB, by node: after the start, and after a load. */
  readonly fresh: readonly number[];
  readonly afterLoad: readonly number[];
  readonly updates: number;
}

const restMs = 10_000;

export async function benchRest(
  transport: TransportName,
  updates: number,
  updateBytes: number,
): Promise<RestResult> {
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count: 3, transport, client });
  const rest = () => new Promise((resolve) => setTimeout(resolve, restMs));
  try {
    await rest();
    const fresh = await servers.memory();
    const load = new PipelinedLoad({ addresses: servers.addresses, transport, updateBytes, inFlight: 256 });
    while (load.answered < updates) await new Promise((resolve) => setTimeout(resolve, 50));
    const answered = load.answered;
    await load.stop();
    await rest();
    return { fresh, afterLoad: await servers.memory(), updates: answered };
  } finally {
    await client.close();
    await servers.stop();
  }
}
