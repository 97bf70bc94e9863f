// The leader is killed: how long until the next update is ordered?
import { Acknowledged, leastUpdateBytes } from "../acknowledged.js";
import type { Part } from "../part.js";
import { PipelinedLoad } from "../pipelined-load.js";
import { Servers } from "../servers.js";
import { spread } from "../statistics.js";
import { newClientTransport } from "../transports.js";
import { until } from "../until.js";

const perSecond = 500;
const warmUpSeconds = 3;
const wantedMs = 1000;

export const failover: Part = async ({ updateBytes, runs = 10, transports, onProgress }) => {
  const [transport = "tcp"] = transports ?? [];
  const bytes = Math.max(updateBytes, leastUpdateBytes);
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count: 3, transport, client });
  const acknowledged = new Acknowledged();
  const { nextUpdate, onOrdered } = acknowledged;
  const { addresses } = servers;
  const load = new PipelinedLoad(
    { addresses, transport, updateBytes: bytes, inFlight: 4096, nextUpdate, onOrdered },
    perSecond,
  );
  const pauses: number[] = [];
  const slowest: number[] = [];
  try {
    await load.measure(warmUpSeconds);
    for (let run = 1; run <= runs; run++) {
      const leader = await servers.leader();
      const killed = performance.now();
      await servers.kill(leader);
      await until(
        "another server leads",
        { withinMs: 30_000 },
        async () => (await servers.leader()) !== leader,
      );
      const seen = await acknowledged.seen(killed, performance.now());
      pauses.push(seen.pause);
      slowest.push(seen.slowest);
      onProgress(`run ${run} of ${runs}: nothing acknowledged for ${seen.pause.toFixed(0)} ms`);
      servers.startServer(leader);
      await servers.level(leader);
      await load.measure(1);
    }
  } finally {
    await load.abandon();
    await client.close();
    await servers.stop();
  }
  const [, median] = spread(pauses);
  return {
    part: "failover",
    command: `pnpm bench failover --runs ${runs}`,
    about:
      `Three servers with their defaults over ${transport}, one @paxos/client that submits ${perSecond} updates a second. The leader is killed with SIGKILL, ` +
      `and started again when another one leads and the load goes on. ${runs} runs.`,
    tables: [
      {
        title: "After the leader was killed, ms",
        columns: ["", "least", "median", "p90", "most"],
        rows: [
          ["nothing was acknowledged for", ...spread(pauses)],
          ["the slowest update took", ...spread(slowest)],
        ],
      },
    ],
    charts: [],
    targets: [
      {
        what: "failover, from SIGKILL of the leader to the next update ordered, median",
        wanted: `below ${wantedMs} ms at defaults`,
        measured: `${median.toFixed(0)} ms`,
        met: median < wantedMs,
      },
    ],
  };
};
