// A long load at full speed: do disks and memory stay as they are?
import { PipelinedLoad } from "./pipelined-load.js";
import { Servers } from "./servers.js";
import { newClientTransport, type TransportName } from "./transports.js";

export interface SoakOptions {
  readonly transport: TransportName;
  readonly updateBytes: number;
  readonly updates: number;
  readonly onProgress: (what: string) => void;
}

/** How it stood after so many updates. MiB, by node. */
export interface Sample {
  readonly seconds: number;
  readonly updates: number;
  readonly disk: readonly number[];
  readonly memory: readonly number[];
}

export interface SoakResult {
  readonly updates: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly samples: readonly Sample[];
  readonly disk: Bound;
  readonly memory: Bound;
}

/** The most in MiB, of any node: in all, in the second third of the updates and in the last. */
interface Bound {
  readonly most: number;
  readonly secondThird: number;
  readonly lastThird: number;
  /** It has not grown by more than a tenth from the second third to the last. */
  readonly flat: boolean;
}

export async function benchSoak({
  transport,
  updateBytes,
  updates,
  onProgress,
}: SoakOptions): Promise<SoakResult> {
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count: 3, transport, client });
  const load = new PipelinedLoad({ addresses: servers.addresses, transport, updateBytes, inFlight: 512 });
  const started = performance.now();
  const samples: Sample[] = [];
  try {
    while (load.answered < updates) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const seconds = (performance.now() - started) / 1000;
      const [disk, memory] = await Promise.all([servers.diskUse(), servers.memory()]);
      samples.push({ seconds, updates: load.answered, disk, memory });
      // Its latencies are not wanted, and would pile up.
      load.look();
      if (samples.length % 30 === 0) onProgress(`${load.answered} of ${updates} updates`);
    }
    const seconds = (performance.now() - started) / 1000;
    return {
      updates: load.answered,
      seconds,
      perSecond: Math.round(load.answered / seconds),
      samples,
      disk: boundOf(samples, updates, ({ disk }) => disk),
      memory: boundOf(samples, updates, ({ memory }) => memory),
    };
  } finally {
    await load.stop();
    await client.close();
    await servers.stop();
  }
}

function boundOf(
  samples: readonly Sample[],
  updates: number,
  value: (sample: Sample) => readonly number[],
): Bound {
  const mostOf = (from: number, to: number) =>
    Math.max(...samples.filter((sample) => sample.updates >= from && sample.updates <= to).flatMap(value));
  const secondThird = mostOf(updates / 3, (updates * 2) / 3);
  const lastThird = mostOf((updates * 2) / 3, Infinity);
  return { most: mostOf(0, Infinity), secondThird, lastThird, flat: lastThird <= secondThird * 1.1 };
}
