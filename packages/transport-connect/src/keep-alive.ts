import type { Http2Session } from "node:http2";

/** When a silent connection counts as dead. */
export interface KeepAliveOptions {
  /** Between the answer to a ping and the next ping. */
  readonly intervalMs: number;
  /** From a ping to the end of the connection, when no answer comes. */
  readonly timeoutMs: number;
}

/** A ping waits behind the bytes that were handed to the socket before it. Links slower than this are not supported. */
const slowestBytesPerMs = 1024;

/**
 * Pings the other side of an open session until the session closes, and destroys the session, with an error
 * that says so, when an answer does not come in time. `bytesAhead` is how many bytes are on their way before the
 * ping: it gets the time that they take on a slow link.
 */
export function keepAlive(session: Http2Session, options: KeepAliveOptions, bytesAhead = (): number => 0): void {
  let timer: NodeJS.Timeout | undefined;
  const after = (ms: number, then: () => void): void => {
    timer = setTimeout(then, ms).unref();
  };
  const ping = (): void => {
    let answered = false;
    const timeoutMs = options.timeoutMs + bytesAhead() / slowestBytesPerMs;
    const sent = session.ping((error) => {
      answered = error === null;
      if (!answered) return;
      clearTimeout(timer);
      if (!session.destroyed) after(options.intervalMs, ping);
    });
    if (!sent) return;
    after(timeoutMs, () => {
      // After a stall of our own event loop the answer may be there, unread: let it be read first.
      setImmediate(() =>
        setImmediate(() => {
          if (answered || session.destroyed) return;
          session.destroy(new Error(`no answer to a ping within ${Math.round(timeoutMs)} ms`));
        }),
      );
    });
  };
  session.once("close", () => clearTimeout(timer));
  if (!session.destroyed) after(options.intervalMs, ping);
}
