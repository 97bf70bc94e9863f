// The two ways in which a line names a member: `host` and `host:port`, IPv6 in brackets.
import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/** The highest TCP port. */
export const MAX_PORT = 65_535;

/** The longest host name that DNS knows, in characters. */
const MAX_NAME_LENGTH = 253;

/** Letters, digits and hyphens (RFC 1123), and the underscores that container networks use. */
const NAME_LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Where a member is reached. */
export interface Address {
  /** A name or an IP address; names in lower case, IPv6 compressed (RFC 5952) and without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** What is wrong with an address, and what to do about it. */
export interface AddressProblem {
  readonly problem: string;
}

/** Writes an address as host:port, IPv6 in brackets. Equal addresses give equal strings. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reads `host` or `host:port`; `defaultPort` is for the first form. */
export function parseAddress(text: string, defaultPort: number): Address | AddressProblem {
  if (/\s/.test(text)) {
    return { problem: `${quote(text)} contains a space; write one host or host:port a line` };
  }
  const parts = text.startsWith("[") ? splitBracketed(text) : splitPlain(text);
  if ("problem" in parts) return parts;
  const port = parts.port === undefined ? defaultPort : parsePort(parts.port);
  if (port === undefined) {
    return { problem: `bad port ${quote(parts.port ?? "")}; use a number from 1 to ${MAX_PORT}` };
  }
  if (/^(0\.0\.0\.0|::)$/.test(parts.host)) {
    return {
      problem: `${quote(parts.host)} is no address that others can reach; name one of the host's own`,
    };
  }
  return { host: parts.host, port };
}

/** Reads a decimal port number; undefined when it is none. */
export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= MAX_PORT ? port : undefined;
}

interface Parts {
  readonly host: string;
  readonly port: string | undefined;
}

function splitBracketed(text: string): Parts | AddressProblem {
  const match = /^\[([^\][]*)\](?::(.*))?$/.exec(text);
  if (match === null) {
    return { problem: `${quote(text)} has unbalanced brackets; write IPv6 as [::1] or [::1]:2346` };
  }
  const [, address = "", port] = match;
  if (address.includes("%")) {
    return {
      problem: `${quote(text)} names a zone, which means nothing on other hosts; use another address`,
    };
  }
  if (!isIPv6(address)) {
    return { problem: `${quote(address)} is no IPv6 address; brackets are for those only` };
  }
  // The URL parser compresses; Node has no function of its own for that.
  return { host: new URL(`http://[${address}]`).hostname.slice(1, -1), port };
}

function splitPlain(text: string): Parts | AddressProblem {
  const [name = "", port, ...more] = text.split(":");
  if (isIPv6(text) || more.length > 0) {
    return { problem: `${quote(text)} has more than one colon; write IPv6 in brackets, as in [::1]:2346` };
  }
  const host = canonicalName(name);
  if (host === undefined) return { problem: `${quote(name)} is no host name or IP address` };
  return { host, port };
}

function canonicalName(name: string): string | undefined {
  if (isIPv4(name)) return name;
  // Plain ASCII is not given to domainToASCII: that would read "127.1" as an IP address.
  const ascii = /^\p{ASCII}*$/u.test(name) ? name.toLowerCase() : domainToASCII(name);
  const labels = ascii.replace(/\.$/, "").split(".");
  const valid = labels.every((label) => NAME_LABEL.test(label)) && ascii.length <= MAX_NAME_LENGTH;
  // All digits at the end: an IPv4 address that is none.
  return valid && !/^\d+$/.test(labels.at(-1) ?? "") ? ascii : undefined;
}

/** Quotes a piece of the file for a message: control characters escaped, cut when long. */
function quote(text: string): string {
  return JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 60)}...`);
}
