import { beforeEach, describe, expect, test } from "@jest/globals";
import { RequestError, type ClientTransport } from "@paxos/core";
import { UpdateKind } from "@paxos/proto";

import { barLine } from "../src/bench-progress.js";
import { FakeCluster } from "./fake-cluster.js";
import { ClientRun, type ClientRunOptions, hostfile, runClient } from "./run-client.js";

const A = "127.0.0.1:1";

let cluster: TimedCluster;
let hosts: string;

/** Each update takes 10 ms of the run's time. */
class TimedCluster extends FakeCluster {
  client: ClientRun | undefined;
  underWay = 0;
  peak = 0;

  override async clientUpdate(...args: Parameters<ClientTransport["clientUpdate"]>) {
    if (args[1].kind === UpdateKind.REGISTER) return super.clientUpdate(...args);
    this.peak = Math.max(this.peak, ++this.underWay);
    try {
      await this.client?.time.wait(10, args[2]);
      return await super.clientUpdate(...args);
    } finally {
      this.underWay--;
    }
  }
}

beforeEach(async () => {
  cluster = new TimedCluster([A]);
  hosts = await hostfile(A);
});

function start(args: string[], options?: ClientRunOptions): ClientRun {
  const client = new ClientRun(["bench", "-h", hosts, ...args], cluster, options);
  cluster.client = client;
  return client;
}

async function end(client: ClientRun): Promise<number> {
  const status = await client.done;
  await new Promise(setImmediate);
  return status;
}

test("so many updates of that size are ordered, so many at once, and timed", async () => {
  const client = start([
    "--updates",
    "500",
    "--size",
    "300",
    "--in-flight",
    "20",
    "--clients",
    "2",
    "--json",
  ]);
  expect(await end(client)).toBe(0);
  // One of each client goes before.
  expect(cluster.ordered.length).toBe(502);
  expect(cluster.registrations).toBe(2);
  expect(new Set(cluster.ordered.map(({ update }) => update?.update.length))).toEqual(new Set([300]));
  expect(cluster.peak).toBe(40);
  // Latencies are counted by their first three digits.
  const about10: unknown = expect.closeTo(10, 1);
  const result = JSON.parse(client.stdout) as { seconds: number; updatesPerSecond: number };
  expect(result).toMatchObject({
    ordered: 500,
    failed: 0,
    errors: {},
    size: 300,
    clients: 2,
    inFlight: 20,
    interrupted: false,
    latencyMs: { min: 10, p50: about10, "p99.9": about10, max: about10 },
  });
  expect(result.seconds).toBeCloseTo(0.13, 5);
  expect(result.updatesPerSecond).toBeCloseTo(500 / 0.13, 0);
});

test("it goes on for so long", async () => {
  const client = start(["--duration", "1", "--in-flight", "4"]);
  expect(await end(client)).toBe(0);
  expect(cluster.ordered.length).toBe(401);
  expect(client.stdout).toBe(
    [
      "400 updates of 100 bytes in 1.00 s, 1 client with 4 in flight",
      "throughput  400 updates/s, 0.04 MiB/s",
      "latency   min   p50   p90   p99  p99.9   max",
      "         10.0  10.0  10.0  10.0   10.0  10.0  ms",
      "",
    ].join("\n"),
  );
  expect(client.stderr).toBe("");
});

test("what fails is counted by its code, and the status says so", async () => {
  cluster.behaviours.set(A, ({ timestamp }) => {
    if (timestamp % 10n === 0n) throw new RequestError("invalid", "it is wrong");
  });
  const client = start(["--updates", "100", "--in-flight", "1"]);
  expect(await end(client)).toBe(1);
  expect(client.stdout).toContain("failed      10: 10 invalid\n");
});

test("an interrupt ends it, with the result so far", async () => {
  const client = start(["--duration", "1000"], { columns: 80 });
  await client.until(() => cluster.ordered.length > 1_000);
  client.interrupt.abort("SIGINT");
  expect(await end(client)).toBe(130);
  expect(client.stdout).toMatch(/^1,\d{3} updates of 100 bytes in \d+\.\d\d s/);
  expect(client.stdout).not.toContain("failed");
  expect(client.stderr).toMatch(/interrupted after [\d.]+ s; this is the result so far\n/);
  expect(cluster.closed).toBe(1);
});

test("a cluster that is not there is told before anything is measured", async () => {
  const { status, stdout, stderr } = await runClient(
    ["bench", "-h", hosts, "--timeout", "1"],
    new FakeCluster([]),
  );
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("not begun: not sent within 1 s: the client could not be registered");
});

describe("the bar", () => {
  const figures = {
    seconds: 2,
    ordered: 24_690,
    failed: 0,
    errors: {},
    latencyMs: { min: 1, p50: 3.4567, p90: 8, p99: 12.34, "p99.9": 20, max: 345 },
  };

  test("shows throughput and latency so far", () => {
    expect(barLine(0.5, figures, 80)).toBe(
      "[===============               ]  50 %  12,345/s  p50 3.46 ms  p99 12.3 ms",
    );
    expect(barLine(0, { ...figures, latencyMs: undefined, seconds: 0 }, 80)).toContain("]   0 %  0/s");
  });

  test.each([20, 50, 60, 80, 200])("fits %i columns", (width) => {
    for (const progress of [0, 0.333, 1])
      expect(barLine(progress, { ...figures, failed: 12_345 }, width).length).toBeLessThanOrEqual(width);
  });
});
