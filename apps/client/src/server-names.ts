// The servers of the hostfile, and how people are told of them: by id and address, and why one did not answer.
import { ConfigError, type RequestError } from "@paxos/core";
import type { HostfileMember } from "@paxos/hostfile";

/** Errors of the system that people meet every day. */
const PLAIN_WORDS: readonly (readonly [code: RegExp, words: string])[] = [
  [/\bECONNREFUSED\b/, "connection refused"],
  [/\bECONNRESET\b/, "connection reset"],
  [/\b(?:ENOTFOUND|EAI_AGAIN)\b/, "host name not found"],
  [/\b(?:EHOSTUNREACH|ENETUNREACH)\b/, "no route to host"],
  [/\bETIMEDOUT\b/, "connection timed out"],
  [/^http\/2 stream closed|^socket hang up$|\bEPIPE\b/, "connection lost"],
];

/** The servers by id and by address. */
export class ServerNames {
  readonly #byAddress: ReadonlyMap<string, HostfileMember>;

  /** @param members - In the order of their ids, which is that of the hostfile. */
  constructor(readonly members: readonly HostfileMember[]) {
    this.#byAddress = new Map(members.map((member) => [member.address, member]));
  }

  get addresses(): string[] {
    return this.members.map(({ address }) => address);
  }

  /** The server that was chosen by flag. */
  withId(id: number): HostfileMember {
    const member = this.members[id];
    if (member !== undefined) return member;
    const last = this.members.length - 1;
    throw new ConfigError(
      `bad --server ${id}: the hostfile names ${last + 1}, with the ids from 0 to ${last}`,
    );
  }

  /** How the server with this address is written in messages. */
  describe(address: string): string {
    const member = this.#byAddress.get(address);
    return member === undefined ? `server ${address}` : `server ${member.nodeId} (${address})`;
  }

  /** The client library knows servers by their addresses alone: adds their ids, and says it in plain words. */
  clarify(text: string): string {
    return text
      .replace(/\bserver (\S+?)(?=[:;,]? |[:;,]?$)/g, (whole, address: string) =>
        this.#byAddress.has(address) ? this.describe(address) : whole,
      )
      .replace(/no answer from \S+: (.*?); try another server, or again later/g, (_, why: string) =>
        inPlainWords(why),
      );
  }
}

/** Why a server did not answer a request for which it had so long, in a few words. */
export function whyNot(error: RequestError, withinMs: number): string {
  if (error.code === "timed_out") return `no answer within ${withinMs / 1000} s`;
  if (error.code === "cancelled") return "no answer yet";
  const [, why = error.message] =
    /^no answer from \S+: (.*?)(?:; try another server.*)?$/.exec(error.message) ?? [];
  return inPlainWords(why);
}

function inPlainWords(why: string): string {
  return PLAIN_WORDS.find(([code]) => code.test(why))?.[1] ?? why;
}
