import { parseAddress } from "@paxos/transport-kit";
import { connect } from "node:net";
import { FrameSocket, type FrameSocketOptions } from "./frame-socket.js";

/** Bounds of a connection that is being made. */
export interface DialOptions extends FrameSocketOptions {
  /** How long to wait for the TCP connection. */
  readonly timeoutMs: number;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** Opens a connection. Rejects when it is refused, or not made in time; nothing is left open then. */
export function dial(address: string, options: DialOptions): Promise<FrameSocket> {
  return new Promise((resolve, reject) => {
    if (options.signal.aborted) throw new Error("closed");
    const socket = connect({ ...parseAddress(address), noDelay: true });
    let failure = new Error("the connection was closed");
    const fail = (reason: string): void => {
      failure = new Error(reason);
      socket.destroy();
    };
    const onAbort = (): void => fail("closed");
    const onError = (error: Error): void => void (failure = error);
    const onClose = (): void => {
      settled();
      reject(failure);
    };
    const timer = setTimeout(() => fail(`no connection within ${options.timeoutMs} ms`), options.timeoutMs);
    const settled = (): void => {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", onAbort);
    };
    options.signal.addEventListener("abort", onAbort);
    socket.on("error", onError);
    socket.once("close", onClose);
    socket.once("connect", () => {
      settled();
      socket.off("error", onError).off("close", onClose);
      resolve(new FrameSocket(socket, options));
    });
  });
}
