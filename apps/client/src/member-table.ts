// The members of the cluster, for people and for programs.
import { type MembersResponse, type Member } from "@paxos/proto";

import { printable } from "./output.js";
import type { Palette } from "./palette.js";
import { type Cell, table } from "./table.js";

/** A member as programs are shown it. */
interface MemberFigures {
  readonly id: number;
  readonly address: string;
  readonly role: "voter" | "learner";
  readonly leader: boolean;
  /** Whether the server that was asked has heard it lately. */
  readonly up: boolean;
  readonly priority: number;
}

/** The table, and a line on the epoch below it. */
export function memberLines(response: MembersResponse, palette: Palette): string[] {
  const members = figuresOf(response);
  const withPriority = members.some(({ priority }) => priority > 0);
  const header = ["ID", "ADDRESS", "ROLE", "LEADER", "UP", ...(withPriority ? ["PRIORITY"] : [])];
  const rows: Cell[][] = members.map(({ id, address, role, leader, up, priority }) => [
    { text: String(id) },
    { text: address },
    { text: role },
    { text: leader ? "*" : "", paint: palette.leader },
    up ? { text: "yes" } : { text: "no", paint: palette.bad },
    ...(withPriority ? [{ text: String(priority) }] : []),
  ]);
  return [
    ...table([header.map((text) => ({ text, paint: palette.faint })), ...rows], {
      toTheRight: new Set([header.indexOf("PRIORITY")]),
    }),
    "",
    epochLine(response),
  ];
}

/** The members as an object for programs. */
export function memberJson(response: MembersResponse): object {
  const { epochRecord, leaderId, nodeId } = response;
  return {
    epoch: Number(epochRecord?.epoch ?? 0n),
    leader: leaderId === undefined ? null : Number(leaderId),
    prepareQuorum: epochRecord?.prepareQuorum ?? 0,
    acceptQuorum: epochRecord?.acceptQuorum ?? 0,
    commandVersion: epochRecord?.commandVersion ?? 0,
    nextId: Number(epochRecord?.nextNodeId ?? 0n),
    saidBy: Number(nodeId),
    members: figuresOf(response),
  };
}

function figuresOf({ epochRecord, leaderId, heard }: MembersResponse): MemberFigures[] {
  const figures =
    (role: MemberFigures["role"]) =>
    ({ nodeId, address, priority }: Member): MemberFigures => ({
      id: Number(nodeId),
      address: printable(address),
      role,
      leader: nodeId === leaderId,
      up: heard.includes(nodeId),
      priority,
    });
  const { voters = [], learners = [] } = epochRecord ?? {};
  return [...voters.map(figures("voter")), ...learners.map(figures("learner"))].toSorted(
    (a, b) => a.id - b.id,
  );
}

function epochLine({ epochRecord, leaderId, nodeId }: MembersResponse): string {
  const { epoch = 0n, voters = [], learners = [], prepareQuorum = 0, acceptQuorum = 0 } = epochRecord ?? {};
  const { commandVersion = 0 } = epochRecord ?? {};
  const parts = [
    `epoch ${epoch}: ${counted(voters.length, "voter")}`,
    ...(learners.length > 0 ? [counted(learners.length, "learner")] : []),
    `quorums of ${prepareQuorum} to prepare and ${acceptQuorum} to accept`,
    ...(commandVersion > 0 ? [`version ${commandVersion} of the commands`] : []),
    ...(leaderId === undefined ? ["no leader"] : []),
  ];
  const line = parts.join(", ");
  // Another server may know less, and hear others.
  return leaderId === nodeId ? line : `${line}; so says node ${nodeId}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
