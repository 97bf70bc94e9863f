// What `paxos-client member` is told to do. Each reader throws an Error that says what was wrong and what to give.
import { ConfigError } from "@paxos/core";
import { parseHostfile } from "@paxos/hostfile";

/** A member, and its address if it is given. */
export interface NamedMember {
  readonly id: number;
  readonly address?: string;
}

/** What is to be done. */
export type MemberAction =
  | { readonly kind: "list" }
  /** Without an id: the lowest free one. */
  | { readonly kind: "add"; readonly id?: number; readonly address: string }
  | { readonly kind: "promote" | "demote" | "remove"; readonly id: number }
  | { readonly kind: "replace"; readonly leaves: number; readonly comes: NamedMember }
  | { readonly kind: "move"; readonly id: number; readonly address: string }
  | { readonly kind: "priority"; readonly id: number; readonly priority: number }
  /** Without sizes: majorities. */
  | { readonly kind: "quorums"; readonly sizes?: { readonly prepare: number; readonly accept: number } }
  | {
      readonly kind: "set";
      readonly voters: readonly NamedMember[];
      readonly learners: readonly NamedMember[];
    };

/** How each is written. */
export const MEMBER_USAGE = {
  list: "member list",
  add: "member add [ID] HOST:PORT",
  promote: "member promote ID",
  demote: "member demote ID",
  remove: "member remove ID",
  replace: "member replace OLD NEW [HOST:PORT]",
  move: "member move ID HOST:PORT",
  priority: "member priority ID N",
  quorums: "member quorums PREPARE ACCEPT, or: member quorums majority",
  set: "member set --voters ID[=HOST:PORT],... [--learners ID[=HOST:PORT],...]",
} as const satisfies Record<MemberAction["kind"], string>;

/** The flags that say what is to be done. */
export interface MemberFlagTexts {
  readonly voters?: string | undefined;
  readonly learners?: string | undefined;
  /** The port of addresses that name none. */
  readonly port: number;
  /** Whether there are flags that are for changes only. */
  readonly isChange: boolean;
}

const MAX_PRIORITY = 2 ** 32 - 1;

/** Reads the words after `member`. */
export function memberAction(words: readonly string[], texts: MemberFlagTexts): MemberAction {
  const [kind = "", ...rest] = words;
  if (!isKind(kind))
    throw new Error(
      `${kind === "" ? "member needs an action" : `bad action ${JSON.stringify(kind)}`}: give one of ${Object.keys(MEMBER_USAGE).join(", ")}`,
    );
  const isSet = texts.voters !== undefined || texts.learners !== undefined;
  if (isSet && kind !== "set") throw new Error(`--voters and --learners are for: ${MEMBER_USAGE.set}`);
  const [least, most] = WORDS[kind];
  if (rest.length < least || rest.length > most)
    throw new Error(`too ${rest.length < least ? "few" : "many"} words: write ${MEMBER_USAGE[kind]}`);
  if (kind === "list" && texts.isChange)
    throw new Error("--force and --epoch are for changes: leave them out of member list");
  return read(kind, rest, texts);
}

/** The id of a node. */
export function nodeId(text: string): number {
  return wholeNumber(text) ?? refuse(`bad id ${JSON.stringify(text)}`, "the id of a node, from 0 on");
}

/** How many words each may have behind it. */
const WORDS: Readonly<Record<MemberAction["kind"], readonly [least: number, most: number]>> = {
  list: [0, 0],
  add: [1, 2],
  promote: [1, 1],
  demote: [1, 1],
  remove: [1, 1],
  replace: [2, 3],
  move: [2, 2],
  priority: [2, 2],
  quorums: [1, 2],
  set: [0, 0],
};

function read(
  kind: MemberAction["kind"],
  rest: readonly string[],
  { voters, learners, port }: MemberFlagTexts,
): MemberAction {
  const [first = "", second, third] = rest;
  switch (kind) {
    case "list":
      return { kind };
    case "add":
      if (second !== undefined) return { kind, id: nodeId(first), address: addressOf(second, port) };
      if (/^\d+$/.test(first)) throw new Error(`too few words: write ${MEMBER_USAGE.add}`);
      return { kind, address: addressOf(first, port) };
    case "promote":
    case "demote":
    case "remove":
      return { kind, id: nodeId(first) };
    case "replace":
      return { kind, leaves: nodeId(first), comes: named(second ?? "", third, port) };
    case "move":
      return { kind, id: nodeId(first), address: addressOf(second ?? "", port) };
    case "priority":
      return { kind, id: nodeId(first), priority: priorityOf(second ?? "") };
    case "quorums":
      return quorumsOf(first, second);
    case "set":
      if (voters === undefined) throw new Error(`--voters is missing: write ${MEMBER_USAGE.set}`);
      return setOf(listOf("voters", voters, port), listOf("learners", learners ?? "", port));
  }
}

function quorumsOf(first: string, second: string | undefined): MemberAction {
  if (first === "majority" && second === undefined) return { kind: "quorums" };
  const [prepare, accept] = [first, second ?? ""].map(wholeNumber);
  if (prepare === undefined || accept === undefined || prepare < 1 || accept < 1)
    return refuse("bad quorums", `two numbers of voters, or majority: ${MEMBER_USAGE.quorums}`);
  return { kind: "quorums", sizes: { prepare, accept } };
}

function setOf(voters: readonly NamedMember[], learners: readonly NamedMember[]): MemberAction {
  const ids = [...voters, ...learners].map(({ id }) => id);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) return refuse(`node ${twice} is named twice`, "each member once");
  if (voters.length === 0) return refuse("--voters names nobody", "at least one voter");
  return { kind: "set", voters, learners };
}

function listOf(flag: string, text: string, port: number): NamedMember[] {
  if (text === "") return [];
  return text.split(",").map((item) => {
    const [id = "", address, ...more] = item.split("=");
    if (more.length > 0 || !/^\d+$/.test(id))
      return refuse(
        `bad --${flag} ${JSON.stringify(item)}`,
        "ids with commas between them, ID=HOST:PORT for new members",
      );
    return named(id, address, port);
  });
}

function named(id: string, address: string | undefined, port: number): NamedMember {
  return { id: nodeId(id), ...(address === undefined ? {} : { address: addressOf(address, port) }) };
}

/** Written as hostfiles have it. */
function addressOf(text: string, port: number): string {
  try {
    const [member] = parseHostfile(text, "address", { defaultPort: port });
    if (member !== undefined) return member.address;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [, problem] = /^address:1: (.*)$/.exec(error.message) ?? [];
    if (problem !== undefined) throw new Error(problem, { cause: error });
  }
  return refuse(`bad address ${JSON.stringify(text)}`, "HOST:PORT, IPv6 in brackets");
}

function priorityOf(text: string): number {
  const priority = wholeNumber(text) ?? Infinity;
  return priority <= MAX_PRIORITY
    ? priority
    : refuse(`bad priority ${JSON.stringify(text)}`, `a number from 0 to ${MAX_PRIORITY}`);
}

function wholeNumber(text: string): number | undefined {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Infinity;
  return Number.isSafeInteger(number) ? number : undefined;
}

function isKind(text: string): text is MemberAction["kind"] {
  return Object.hasOwn(MEMBER_USAGE, text);
}

function refuse(what: string, allowed: string): never {
  throw new Error(`${what}: give ${allowed}`);
}
