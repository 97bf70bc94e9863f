// A cluster is upgraded node by node while clients of both builds send updates.
import { Cluster } from "./cluster.mjs";
import { Failure } from "./failure.mjs";
import { Load } from "./load.mjs";
import { complaintsIn, warningsIn } from "./server-log.mjs";
import { faultsOf } from "./verdict.mjs";

/** @typedef {import("./build.mjs").Build} Build */

/** How many nodes there are: three founders, and two that join. */
export const NODES = 5;

/**
 * @param {{ old: Build, current: Build, transport: string, folder: string, ports: readonly number[], say: (step: string) => void }}
 *   parts
 * @returns {Promise<{ updates: number, warnings: string[] }>}
 * @throws Failure
 */
export async function upgrade({ old, current, transport, folder, ports, say }) {
  const cluster = new Cluster(folder, transport, ports, current);
  for (const id of [0, 1, 2]) cluster.start(old, id);
  cluster.watch();
  await cluster.isWell();
  const loads = [old, current].map((build) => new Load(build, build.name, cluster.clientArgs));
  for (const load of loads) load.start();
  /** @param {number} [leader] */
  const goesOn = async (leader) => {
    await cluster.isWell(leader);
    for (const load of loads)
      await cluster.waitFor(`updates of ${load.client.name} ordered`, load.goesOn, () => load.client.stderr);
  };
  const replace = async (/** @type {number} */ id, /** @type {Build} */ build) => {
    await cluster.stop(id);
    cluster.start(build, id);
    await goesOn();
  };
  await goesOn();

  say("node 2 is upgraded, and leads nodes of the base");
  await replace(2, current);
  await cluster.client(old, "transfer", "2");
  await goesOn(2);

  say("a node of the base leads it");
  await cluster.client(current, "transfer", "0");
  await goesOn(0);

  say("node 1 is upgraded, taken back, and upgraded again");
  for (const build of [current, old, current]) await replace(1, build);

  say("a node of each build joins and votes");
  for (const [id, build] of /** @type {const} */ ([
    [3, current],
    [4, old],
  ])) {
    await cluster.client(build, "member", "add", String(id), cluster.addresses[id] ?? "");
    cluster.start(build, id, { joins: 0 });
    await goesOn();
    await cluster.client(build === old ? current : old, "member", "promote", String(id));
    await goesOn();
  }

  say("the one of the base is removed, and the last node of it upgraded");
  const ofNode4 = await cluster.held(4);
  await cluster.client(current, "member", "remove", "4");
  await cluster.leaves(4);
  await replace(0, current);
  await cluster.client(current, "transfer", "0");
  await goesOn(0);

  for (const load of loads) await load.finish();
  await cluster.isWell();
  const acknowledged = loads.flatMap((load) => load.acknowledged);
  const last = acknowledged.reduce((highest, { seq }) => Math.max(highest, seq), 0);
  // Followers learn last that the last update is ordered.
  await cluster.isLevel(last);
  const logs = [];
  for (const id of [0, 1, 2, 3]) logs.push(await cluster.held(id));
  const begun = ofNode4.entries.at(-1)?.seq ?? 0;
  const until = acknowledged.filter(({ seq }) => seq <= begun);
  const faults = [...faultsOf(acknowledged, logs), ...faultsOf(until, [ofNode4])];
  if (faults.length > 0) throw new Failure("every update once, and all logs the same", faults.join("\n"));

  for (const id of [0, 1, 2, 3]) await cluster.stop(id);
  await cluster.status?.program.endsWell("SIGTERM").catch(() => undefined);
  for (const id of cluster.everStarted) {
    const complaints = complaintsIn(cluster.log(id));
    if (complaints.length > 0) throw new Failure(`no complaint of node ${id}`, complaints.join("\n"));
  }
  return {
    updates: acknowledged.length,
    warnings: cluster.everStarted.flatMap((id) => warningsIn(cluster.log(id))),
  };
}
