// `paxos-client member`: who belongs to the cluster, and changes of that.
import type { Client } from "@paxos/client";
import { RequestError } from "@paxos/core";
import type { MembersResponse } from "@paxos/proto";

import type { Context } from "./context.js";
import { deadlineOf } from "./deadline.js";
import type { MemberFlags } from "./invocation.js";
import { refusalText, tellFailure } from "./leader-failure.js";
import { changeText, changeType, type MemberChange } from "./member-change.js";
import { memberJson, memberLines } from "./member-table.js";
import { createPalette, wantsColours } from "./palette.js";

/** Resolves with the exit status: 0 when it is listed or changed, else 1. */
export async function memberCommand(context: Context, flags: MemberFlags): Promise<number> {
  const client = context.connect();
  const { signal, end } = deadlineOf(context.environment, flags.timeoutMs);
  try {
    if (flags.action.kind === "list") await list(context, flags, await client.members({ signal }));
    else await change(context, flags, { client, signal });
    return 0;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    await tellFailure(context, flags, flags.action.kind === "list" ? error.message : refusalText(error));
    return 1;
  } finally {
    end();
  }
}

interface Asking {
  readonly client: Client;
  readonly signal: AbortSignal;
}

async function list(context: Context, { json }: MemberFlags, members: MembersResponse): Promise<void> {
  const { output, environment } = context;
  const { stdout, variables } = environment;
  const lines = json
    ? [JSON.stringify(memberJson(members))]
    : memberLines(members, createPalette(wantsColours(stdout, variables)));
  for (const line of lines) await output.print(line);
}

async function change(context: Context, flags: MemberFlags, asking: Asking): Promise<void> {
  const { client, signal } = asking;
  const { force, epoch, json } = flags;
  const wanted = await wantedChange(flags, asking);
  const { epochRecord: record } = await client.changeMembership(
    { type: changeType(wanted), force, ...(epoch === undefined ? {} : { epoch: BigInt(epoch) }) },
    { signal },
  );
  if (record === undefined)
    throw new RequestError("unavailable", "the leader has not said what has changed; see: member list");
  const text = changeText(wanted, record);
  const now = await membersSince(client, record.epoch, signal);
  if (json) {
    const members = now === undefined ? { epoch: Number(record.epoch) } : memberJson(now);
    await context.output.print(JSON.stringify({ changed: text, ...members }));
    return;
  }
  await context.output.print(text);
  if (now === undefined) return context.output.print(`epoch ${record.epoch} has begun`);
  await context.output.print("");
  await list(context, flags, now);
}

/** Who is added without an id gets the lowest that is free; ids are never used again. */
async function wantedChange({ action }: MemberFlags, { client, signal }: Asking): Promise<MemberChange> {
  if (action.kind === "list") throw new Error("a list changes nothing");
  if (action.kind !== "add") return action;
  const { id, address } = action;
  if (id !== undefined) return { kind: "add", id, address };
  const { epochRecord } = await client.members({ signal });
  if (epochRecord === undefined) throw new RequestError("refused", "no server knows the members");
  return { kind: "add", id: Number(epochRecord.nextNodeId), address };
}

/** The members once the epoch is known to whoever answers; undefined when that is not at once. */
async function membersSince(
  client: Client,
  epoch: bigint,
  signal: AbortSignal,
): Promise<MembersResponse | undefined> {
  try {
    const members = await client.members({ signal });
    return (members.epochRecord?.epoch ?? 0n) >= epoch ? members : undefined;
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
}
