// `paxos-client snapshot`: has servers take a snapshot of their state.
import type { Client } from "@paxos/client";
import { RequestError } from "@paxos/core";
import type { HostfileMember } from "@paxos/hostfile";

import type { Context } from "./context.js";
import type { SnapshotFlags } from "./invocation.js";
import { PROBE_MS } from "./probe.js";
import { whyNot } from "./server-names.js";
import { sizeText } from "./sizes.js";

/** What a server has answered. */
type Answer =
  | { readonly seq: number; readonly bytes: number; readonly firstSeq: number }
  | { readonly error: string };

/** Asks the chosen server, or all of them at once. Resolves with the exit status: 0 when all have taken one, else 1. */
export async function snapshotCommand(context: Context, flags: SnapshotFlags): Promise<number> {
  const { servers, output } = context;
  const chosen = flags.server === undefined ? servers.members : [servers.withId(flags.server)];
  const client = context.connect();
  // Told in the order of their ids, each as soon as it is known.
  const asked = chosen.map((server) => ({ server, answering: ask(context, client, server) }));
  let failed = 0;
  for (const { server, answering } of asked) {
    const answer = await answering;
    if ("error" in answer) failed++;
    if (flags.json) {
      await output.print(JSON.stringify({ id: server.nodeId, address: server.address, ...answer }));
    } else if ("error" in answer) {
      output.note(`${servers.describe(server.address)}: ${answer.error}`);
    } else {
      const { seq, bytes, firstSeq } = answer;
      const what = `snapshot at seq ${seq}, ${sizeText(bytes)}; its log begins at seq ${firstSeq}`;
      await output.print(`${servers.describe(server.address)}: ${what}`);
    }
  }
  return failed === 0 ? 0 : 1;
}

async function ask({ environment }: Context, client: Client, { address }: HostfileMember): Promise<Answer> {
  try {
    const { signal } = environment.interrupt;
    const { seq, bytes, firstSeq } = await client.takeSnapshot({ server: address, signal });
    return { seq: Number(seq), bytes: Number(bytes), firstSeq: Number(firstSeq) };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return { error: whyNot(error, PROBE_MS) };
  }
}
