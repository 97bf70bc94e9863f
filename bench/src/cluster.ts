// The cluster on loopback: three server processes with storage on disk, one process of clients.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { atExit } from "./clean-up.js";
import { runLoad, type Load } from "./load.js";
import { printTable } from "./report.js";
import { Servers } from "./servers.js";
import { newClientTransport, type TransportName } from "./transports.js";

/**
 * Orders updates with so many in flight, and beside it, in the same run, has a bare server answer them at
 * once. The ratio is what replication costs.
 */
export async function benchCluster(
  transport: TransportName,
  inFlight: readonly number[],
  seconds: number,
  updateBytes: number,
): Promise<void> {
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count: 3, transport, client });
  const bare = await startBareServer(transport);
  try {
    // Programs that have just started are slow: what is measured are warm ones.
    await runLoad(client, servers.addresses, 64, 3, updateBytes);
    await runLoad(client, [bare.address], 64, 3, updateBytes);
    const rows: (string | number)[][] = [["in flight", "updates/s", "p50 ms", "p99 ms", "bare/s", "ratio"]];
    for (const count of inFlight) {
      const load = await runLoad(client, servers.addresses, count, seconds, updateBytes);
      const answered: Load = await runLoad(client, [bare.address], count, seconds, updateBytes);
      const ratio = load.perSecond / answered.perSecond;
      rows.push([String(count), load.perSecond, load.p50, load.p99, answered.perSecond, ratio]);
    }
    printTable(rows);
    console.log(
      `\nresident memory of the three servers afterwards: ${(await servers.memory()).join(", ")} MiB`,
    );
  } finally {
    bare.stop();
    await client.close();
    await servers.stop();
  }
}

async function startBareServer(transport: TransportName): Promise<{ address: string; stop(): void }> {
  const child = fork(fileURLToPath(new URL("./bare-server.js", import.meta.url)), [transport]);
  const stop = () => void child.kill("SIGKILL");
  atExit(stop);
  const address = await new Promise<string>((resolve, reject) => {
    child.once("message", (message) => resolve(message as string));
    child.once("error", reject);
  });
  return { address, stop };
}
