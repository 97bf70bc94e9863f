import { formatAddress, parseAddress } from "@paxos/transport-kit";
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type OutgoingHttpHeaders,
} from "node:http2";
import { connect as connectSocket } from "node:net";
import { maxSessionMemory } from "./http2-settings.js";
import { SessionConnection } from "./session-connection.js";

/** Bounds of a connection that is being made. */
export interface DialOptions {
  /** How long to wait for the TCP connection. */
  readonly timeoutMs: number;
  /** HTTP/2 flow control: bytes that the other side may send unread, per stream and per connection. */
  readonly windowBytes: number;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** Opens an HTTP/2 connection in clear text. Rejects when it is refused, or not made in time. */
export function dial(address: string, options: DialOptions): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    if (options.signal.aborted) throw new Error("closed");
    const socket = connectSocket(parseAddress(address));
    const session = connect(originOf(address), {
      createConnection: () => socket,
      maxSessionMemory,
      settings: { initialWindowSize: options.windowBytes, enablePush: false },
    });
    const connection = new SessionConnection(session, socket);
    const fail = (reason: string): void => connection.hangUp(new Error(reason));
    const onAbort = (): void => fail("closed");
    const timer = setTimeout(() => fail(`no connection within ${options.timeoutMs} ms`), options.timeoutMs);
    options.signal.addEventListener("abort", onAbort);
    const settled = (): void => {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", onAbort);
    };
    session.once("close", () => {
      settled();
      reject(new Error("the connection was closed"));
    });
    // Stays for the life of the session: an error that nobody listens to would end the process.
    session.on("error", (error: Error) => {
      settled();
      reject(error);
    });
    session.once("connect", () => {
      settled();
      // Node may still emit this for a session that was destroyed while it connected.
      if (session.destroyed) return;
      session.setLocalWindowSize(options.windowBytes);
      resolve(session);
    });
  });
}

/** What connect-node wants to know of a connection in order to make requests on it. */
export class DialedSession {
  readonly authority: string;

  constructor(
    address: string,
    private readonly session: () => Promise<ClientHttp2Session>,
  ) {
    this.authority = originOf(address);
  }

  async request(method: string, path: string, headers: OutgoingHttpHeaders): Promise<ClientHttp2Stream> {
    // Named here because Node leaves out the brackets of an IPv6 address.
    const authority = this.authority.slice("http://".length);
    return (await this.session()).request({
      ...headers,
      ":authority": authority,
      ":method": method,
      ":path": path,
    });
  }

  /** Liveness is judged by pings alone. */
  notifyResponseByteRead(): void {}
}

/** The address as a URL, in the form in which connect-node compares it. */
export function originOf(address: string): string {
  return new URL(`http://${formatAddress(parseAddress(address))}`).origin;
}
