// Three servers under a steady load, and what its client sees while something is done to them.
import { Acknowledged, type Held, type Seen } from "./acknowledged.js";
import { PipelinedLoad } from "./pipelined-load.js";
import { Servers } from "./servers.js";
import { newClientTransport, type TransportName } from "./transports.js";
import { until } from "./until.js";

export interface LoadedClusterOptions {
  readonly transport: TransportName;
  readonly updateBytes: number;
  /** Updates that are submitted in a second, however soon they are answered. */
  readonly perSecond: number;
}

/** What the client saw while something was done, and while nothing was. */
export interface Measured {
  readonly windowMs: number;
  readonly during: Seen;
  /** In a window as long right afterwards, in which nothing is done. */
  readonly quiet: Seen;
}

/** Which window is looked at. */
export interface WindowOptions {
  /** From how long before the beginning. Default 0. */
  readonly beforeMs?: number;
  /** Until how long after the end. Default 0. */
  readonly afterMs?: number;
  /** Waits for what follows by itself. */
  readonly settles?: () => Promise<unknown>;
}

/** How many found the cluster. */
const founders = 3;

/** Programs that have just started are slow: what is measured are warm ones. */
const warmUpSeconds = 5;

/** So many that the load goes on, unanswered, through any pause. */
const inFlight = 60_000;

/** Each run is short enough for its whole log to be kept, in which the updates are looked for afterwards. */
const keepLog = ["--snapshot-every", "100000000", "--snapshot-every-bytes", "16GiB"];

export class LoadedCluster {
  private constructor(
    readonly servers: Servers,
    private readonly acknowledged: Acknowledged,
  ) {}

  /**
   * Does `what` with a cluster under load, and then looks for all acknowledged updates in the log of the server whose id that
   * resolves with.
   */
  static async with(
    { transport, updateBytes, perSecond }: LoadedClusterOptions,
    joining: number,
    what: (cluster: LoadedCluster) => Promise<number>,
  ): Promise<Held> {
    const client = newClientTransport(transport);
    const servers = await Servers.start({ count: founders, transport, client, flags: keepLog }, joining);
    const acknowledged = new Acknowledged();
    const { nextUpdate, onOrdered } = acknowledged;
    const addresses = servers.addresses.slice(0, founders);
    const load = new PipelinedLoad(
      { addresses, transport, updateBytes, inFlight, nextUpdate, onOrdered },
      perSecond,
    );
    try {
      await load.measure(warmUpSeconds);
      const reader = await what(new LoadedCluster(servers, acknowledged));
      await load.stop();
      const last = BigInt(acknowledged.lastSeq);
      await until(`node ${reader} has all updates`, { withinMs: 60_000 }, async () => {
        return ((await servers.status(reader))?.localAru ?? 0n) >= last;
      });
      return await acknowledged.heldBy(servers.addressOf(reader), transport, updateBytes);
    } finally {
      await load.abandon();
      await client.close();
      await servers.stop();
    }
  }

  /**
   * Looks at what the client sees from when something is begun until it is done, or from a little before until a little after that. The
   * quiet window begins when what follows by itself is over, too.
   */
  async watch(what: () => Promise<unknown>, how: WindowOptions = {}): Promise<Measured> {
    const { beforeMs = 0, afterMs = 0, settles = () => Promise.resolve() } = how;
    const from = performance.now() - beforeMs;
    await what();
    const to = performance.now() + afterMs;
    const during = await this.acknowledged.seen(from, to);
    await settles();
    const quietFrom = performance.now();
    const quiet = await this.acknowledged.seen(quietFrom, quietFrom + to - from);
    return { windowMs: to - from, during, quiet };
  }
}

/** For a line of progress. */
export function describePauses({ during, quiet }: Measured): string {
  return `pause ${during.pause.toFixed(0)} ms, then in a quiet window as long ${quiet.pause.toFixed(0)} ms`;
}
