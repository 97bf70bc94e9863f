// The hostfile: one member a line, its node id the index of its line among those that name a host.
import { readFile } from "node:fs/promises";

import { ConfigError } from "@paxos/core";

import { formatAddress, parseAddress } from "./address.js";

/** The port of lines that name none, unless the caller says otherwise. */
export const DEFAULT_PORT = 2346;

/** One member, as a line of the hostfile names it. */
export interface HostfileMember {
  /** The index among the lines that name a host, from 0. */
  readonly nodeId: number;
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** host:port, IPv6 in brackets. Equal addresses are equal strings. */
  readonly address: string;
  /** The line in the file, from 1. */
  readonly line: number;
}

/** How a hostfile is read. */
export interface HostfileOptions {
  /** The port of lines that name none, 1 to 65535. Default {@link DEFAULT_PORT}. */
  readonly defaultPort?: number;
}

/**
 * Reads a hostfile from disk.
 *
 * @throws ConfigError `file:line: what is wrong; what to do` when it cannot be read or names no valid membership.
 */
export async function loadHostfile(file: string, options: HostfileOptions = {}): Promise<HostfileMember[]> {
  return parseHostfile(decode(await read(file), file), file, options);
}

/**
 * Parses the text of a hostfile: `host` or `host:port` a line, IPv6 in brackets; `#` begins a comment; blank lines
 * do not count.
 *
 * @param file - What messages call the file.
 * @throws ConfigError `file:line: what is wrong; what to do`.
 */
export function parseHostfile(text: string, file: string, options: HostfileOptions = {}): HostfileMember[] {
  const { defaultPort = DEFAULT_PORT } = options;
  const members: HostfileMember[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .entries()) {
    const entry = raw.replace(/#.*$/, "").trim();
    if (entry === "") continue;
    const line = index + 1;
    const parsed = parseAddress(entry, defaultPort);
    if ("problem" in parsed) throw new ConfigError(`${file}:${line}: ${parsed.problem}`);
    const address = formatAddress(parsed);
    const earlier = lineOf.get(address);
    if (earlier !== undefined) {
      throw new ConfigError(
        `${file}:${line}: ${address} is on line ${earlier} already; give each member its own`,
      );
    }
    lineOf.set(address, line);
    members.push({ nodeId: members.length, ...parsed, address, line });
  }
  if (members.length === 0) {
    throw new ConfigError(`${file}: names no host; write one host or host:port a line`);
  }
  return members;
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ConfigError(`${file}: ${readProblem(error)}`, { cause: error });
  }
}

function readProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "no such hostfile; write one with a host or host:port a line, or name another with -h";
    case "EISDIR":
      return "is a directory; name a hostfile with -h";
    case "EACCES":
    case "EPERM":
      return "may not be read; check its permissions";
    default:
      return `cannot be read (${code ?? message}); check the file, or name another with -h`;
  }
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ConfigError(`${file}: is not UTF-8 text; save it as such, one host or host:port a line`, {
      cause: error,
    });
  }
}
