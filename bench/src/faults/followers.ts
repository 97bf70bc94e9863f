// One of three servers is slow, or dead: what does that cost the others?
import type { Part } from "../part.js";
import { PipelinedLoad } from "../pipelined-load.js";
import { Servers } from "../servers.js";
import { medianOf } from "../statistics.js";
import { newClientTransport } from "../transports.js";
import { measureWindow, type LoadedWindow } from "../window.js";

const warmUpSeconds = 3;
const mostLoss = 0.1;
/** A slow one is stopped for most of each slice. Milliseconds. */
const slice = { stopped: 80, running: 20 };

type State = "all three" | "one is slow" | "one is dead";

export const followers: Part = async (options) => {
  const { updateBytes, runs = 3, seconds = 3, onProgress } = options;
  const [transport = "tcp"] = options.transports ?? [];
  const [inFlight = 256] = options.inFlight ?? [];
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count: 3, transport, client });
  const load = new PipelinedLoad({ addresses: servers.addresses, transport, updateBytes, inFlight });
  const samples = new Map<State, LoadedWindow[]>();
  const note = (state: State, window: LoadedWindow): void => {
    samples.set(state, [...(samples.get(state) ?? []), window]);
    onProgress(`${state}: ${window.perSecond}/s, p99 ${window.p99.toFixed(1)} ms`);
  };
  try {
    await load.measure(warmUpSeconds);
    for (let run = 1; run <= runs; run++) {
      const leader = await servers.leader();
      const [victim = 0, other = 0] = [0, 1, 2].filter((id) => id !== leader);
      const healthy = [leader, other];
      note("all three", await measureWindow(servers, healthy, load, seconds));
      const { pid } = servers.process(victim).child;
      const stopSlowing = slowDown(pid as number);
      note("one is slow", await measureWindow(servers, healthy, load, seconds));
      stopSlowing();
      await servers.level(victim);
      await servers.kill(victim);
      note("one is dead", await measureWindow(servers, healthy, load, seconds));
      servers.startServer(victim);
      await servers.level(victim);
    }
  } finally {
    await load.abandon();
    await client.close();
    await servers.stop();
  }
  const median = (state: State, value: (window: LoadedWindow) => number) =>
    medianOf((samples.get(state) ?? []).map(value));
  const whole = median("all three", ({ perSecond }) => perSecond);
  const states: State[] = ["all three", "one is slow", "one is dead"];
  return {
    part: "followers",
    command: `pnpm bench followers --runs ${runs} --seconds ${seconds}`,
    about:
      `Three servers with their defaults over ${transport}, one @paxos/client with ${inFlight} updates in flight. The slow one is stopped for ${slice.stopped} of each ` +
      `${slice.stopped + slice.running} ms; the dead one was killed. On a machine with few cores its processor time goes to the others, which the last column leaves out. ` +
      `Medians of ${runs} runs.`,
    tables: [
      {
        title: "One follower is slow, or dead",
        columns: ["", "updates/s", "ratio", "p50, ms", "p99, ms", "leader and other follower, µs/update"],
        rows: states.map((state) => [
          state,
          median(state, ({ perSecond }) => perSecond),
          median(state, ({ perSecond }) => perSecond) / whole,
          median(state, ({ p50 }) => p50),
          median(state, ({ p99 }) => p99),
          median(state, ({ serverMicros }) => serverMicros),
        ]),
      },
    ],
    charts: [],
    targets: (["one is slow", "one is dead"] as const).map((state) => {
      const ratio = median(state, ({ perSecond }) => perSecond) / whole;
      return {
        what: `throughput when a follower ${state.replace("one ", "")}`,
        wanted: `at least ${1 - mostLoss} times that of all three`,
        measured: `${ratio.toFixed(2)} times`,
        met: ratio >= 1 - mostLoss,
      };
    }),
  };
};

/** Stops and continues a process by turns, until it is told to leave it running. */
function slowDown(pid: number): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout;
  const turn = (): void => {
    stopped = !stopped;
    process.kill(pid, stopped ? "SIGSTOP" : "SIGCONT");
    timer = setTimeout(turn, stopped ? slice.stopped : slice.running);
  };
  turn();
  return () => {
    clearTimeout(timer);
    process.kill(pid, "SIGCONT");
  };
}
