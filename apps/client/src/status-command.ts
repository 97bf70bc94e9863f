// `paxos-client status`: what each server is doing.
import { Role } from "@paxos/proto";

import type { Context } from "./context.js";
import type { CommonFlags } from "./flags.js";
import { table } from "./output.js";
import { type Probe, describeServer, probe } from "./servers.js";

const ROLE_NAMES: Readonly<Record<Role, string>> = {
  [Role.UNSPECIFIED]: "unknown",
  [Role.LEADER]: "leader",
  [Role.FOLLOWER]: "follower",
  [Role.ELECTING]: "electing",
};

/** Asks every server. Resolves with the exit status: 0 when one answered, else 1. */
export async function statusCommand(context: Context, flags: CommonFlags): Promise<number> {
  const { members, transport, environment, output } = context;
  const probes = await Promise.all(
    members.map((member) => probe(transport, member, environment.interrupt.signal)),
  );
  if (environment.interrupt.signal.aborted) return 1;
  for (const line of flags.json ? probes.map(formatJson) : table([HEADER, ...probes.map(formatRow)])) {
    await output.print(line);
  }
  for (const result of probes) {
    if (!("status" in result)) output.note(`${describeServer(result.member)}: ${result.reason}`);
    else if (result.status.nodeId !== BigInt(result.member.nodeId)) {
      output.note(
        `${describeServer(result.member)} says that it is node ${result.status.nodeId}: check the hostfiles`,
      );
    }
  }
  return probes.some((result) => "status" in result) ? 0 : 1;
}

const HEADER = ["ID", "ADDRESS", "ROLE", "EPOCH", "VIEW", "LEADER", "ARU"];

function formatRow(result: Probe): string[] {
  const { nodeId, address } = result.member;
  if (!("status" in result)) return [String(nodeId), address, "unreachable", "-", "-", "-", "-"];
  const { role, epoch, view, leaderId, localAru } = result.status;
  return [nodeId, address, roleName(role), epoch, view, leaderId ?? "-", localAru].map(String);
}

function formatJson(result: Probe): string {
  const { nodeId: id, address } = result.member;
  if (!("status" in result))
    return JSON.stringify({ id, address, role: "unreachable", reason: result.reason });
  const { role, epoch, view, leaderId, localAru } = result.status;
  return JSON.stringify({
    id,
    address,
    role: roleName(role),
    epoch: Number(epoch),
    view: Number(view),
    leader: leaderId === undefined ? null : Number(leaderId),
    aru: Number(localAru),
  });
}

/** A newer server may know roles that this client does not. */
function roleName(role: Role): string {
  return ROLE_NAMES[role] ?? "unknown";
}
