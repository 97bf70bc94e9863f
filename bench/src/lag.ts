// A follower that was away for long: how soon it is level again while the load goes on, and what that costs the others.
import { PipelinedLoad, type Window } from "./pipelined-load.js";
import { Servers } from "./servers.js";
import { newClientTransport, type TransportName } from "./transports.js";

export interface LagOptions {
  readonly transport: TransportName;
  readonly updateBytes: number;
  /** How many updates the follower misses. */
  readonly updates: number;
  readonly onProgress: (what: string) => void;
}

export interface LagResult {
  readonly peakPerSecond: number;
  readonly missed: number;
  /** Seconds from the start of its process until it answers, and until it is level. */
  readonly answersAfter: number;
  readonly levelAfter: number;
  /** Seconds of processor time that it has taken by then: what is left on a machine with nothing else to do. */
  readonly processorTime: number;
  /** Whether it took a snapshot: its log begins behind what it had. */
  readonly bySnapshot: boolean;
  readonly before: Window;
  readonly without: Window;
  readonly during: Window;
  readonly after: Window;
}

/** Updates under way at most. */
const inFlight = 256;

export async function benchLag({
  transport,
  updateBytes,
  updates,
  onProgress,
}: LagOptions): Promise<LagResult> {
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count: 3, transport, client });
  const load = new PipelinedLoad({ addresses: servers.addresses, transport, updateBytes, inFlight });
  try {
    onProgress("measures the peak");
    await load.measure(5);
    const { perSecond: peakPerSecond } = await load.measure(10);
    load.pace(peakPerSecond / 2);
    await load.measure(2);
    const before = await load.measure(10);
    const victim = ((await servers.leader()) + 1) % 3;
    await servers.kill(victim);
    onProgress(`${updates} updates pass without node ${victim}`);
    const from = load.answered;
    load.look();
    while (load.answered < from + updates) await pause();
    const without = load.look();
    const missed = load.answered - from;
    const started = performance.now();
    servers.startServer(victim);
    const since = () => (performance.now() - started) / 1000;
    const held = Number((await servers.status(await servers.leader()))?.localAru ?? 0n) - missed;
    await servers.answers(victim);
    const answersAfter = since();
    await servers.level(victim);
    const levelAfter = since();
    const processorTime = servers.process(victim).processorTime();
    const during = load.look();
    const bySnapshot = Number((await servers.status(victim))?.firstSeq ?? 0n) > held;
    const after = await load.measure(10);
    return {
      peakPerSecond,
      missed,
      answersAfter,
      levelAfter,
      processorTime,
      bySnapshot,
      before,
      without,
      during,
      after,
    };
  } finally {
    await load.stop();
    await client.close();
    await servers.stop();
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
