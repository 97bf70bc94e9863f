// `paxos-client log`: a server's ordered log.
import { create } from "@bufbuild/protobuf";
import { ConfigError, RequestError } from "@paxos/core";
import type { HostfileMember } from "@paxos/hostfile";
import { type GloballyOrderedUpdate, LogRequestSchema } from "@paxos/proto";

import type { Context } from "./context.js";
import type { LogFlags } from "./flags.js";
import { updateJson, updateText } from "./output.js";
import { describeServer, probe } from "./servers.js";

/** Prints the log of the chosen server, or of the first one reached. Resolves with the exit status. */
export async function logCommand(context: Context, flags: LogFlags): Promise<number> {
  const { environment, output } = context;
  const server = await chooseServer(context, flags.server);
  if (server === undefined) return 1;
  const progress = { next: flags.from, toldOfCompaction: false };
  try {
    await printLog(context, flags, server, progress);
    return 0;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (environment.interrupt.signal.aborted) return 0;
    output.note(`${describeServer(server)}: ${error.message}; to go on from here: --from ${progress.next}`);
    return 1;
  }
}

/** How far the log has been printed. */
interface Progress {
  next: bigint;
  toldOfCompaction: boolean;
}

async function printLog(
  context: Context,
  flags: LogFlags,
  server: HostfileMember,
  progress: Progress,
): Promise<void> {
  const { transport, environment, output } = context;
  const { signal } = environment.interrupt;
  const request = create(LogRequestSchema, { fromSeq: flags.from, follow: flags.follow });
  for await (const { entries, firstSeq } of transport.log(server.address, request, signal)) {
    if (firstSeq > flags.from && !progress.toldOfCompaction) {
      progress.toldOfCompaction = true;
      output.note(
        `${describeServer(server)} holds the log from seq ${firstSeq} on; what was before is compacted`,
      );
    }
    for (const entry of entries) {
      if (signal.aborted) return;
      if (flags.all || !entry.duplicate)
        await output.print(flags.json ? formatJson(entry) : formatText(entry));
      if (entry.seq >= progress.next) progress.next = entry.seq + 1n;
    }
  }
}

function formatText({ seq, update, duplicate }: GloballyOrderedUpdate): string {
  return `${seq}\t${updateText(update?.update ?? new Uint8Array())}${duplicate ? "\t(ordered again)" : ""}`;
}

function formatJson({ seq, update, duplicate }: GloballyOrderedUpdate): string {
  return JSON.stringify({
    seq: Number(seq),
    // Strings: both use all 64 bits, and a JSON number has 53.
    clientId: String(update?.clientId ?? 0n),
    timestamp: String(update?.timestamp ?? 0n),
    ...updateJson(update?.update ?? new Uint8Array()),
    ...(duplicate ? { duplicate } : {}),
  });
}

/** Undefined when nobody answers; that has been said then. */
async function chooseServer(context: Context, id: number | undefined): Promise<HostfileMember | undefined> {
  const { members, transport, environment, output } = context;
  const asked = id === undefined ? members : [memberById(members, id)];
  // All at once, but the first in the file that answers is taken.
  const probes = asked.map((member) => probe(transport, member, environment.interrupt.signal));
  const reasons: string[] = [];
  for (const pending of probes) {
    const result = await pending;
    if ("status" in result) return result.member;
    reasons.push(`${describeServer(result.member)}: ${result.reason}`);
  }
  if (!environment.interrupt.signal.aborted) output.note(`not reached: ${reasons.join(", ")}`);
  return undefined;
}

function memberById(members: readonly HostfileMember[], id: number): HostfileMember {
  const member = members[id];
  if (member === undefined) {
    throw new ConfigError(
      `bad --server ${id}: the hostfile names ${members.length}, with the ids from 0 to ${members.length - 1}`,
    );
  }
  return member;
}
