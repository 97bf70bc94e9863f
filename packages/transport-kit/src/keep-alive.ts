import type { Connection } from "./connection.js";

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
 * The time without an answer is counted in slices. A slice whose timer fires late was a stall of our own event loop, which
 * says nothing about the peer, and does not count.
 */
const slices = 4;

/**
 * Pings the other side of an open connection until it closes, and hangs up, with an error
 * that says so, when an answer does not come in time. `bytesAhead` is how many bytes are on their way before the
 * ping: it gets the time that they take on a slow link.
 */
export function keepAlive(
  connection: Pick<Connection, "bytesRead" | "ping" | "hangUp" | "onClose">,
  options: KeepAliveOptions,
  bytesAhead = (): number => 0,
): void {
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const after = (ms: number, then: () => void): void => {
    timer = setTimeout(then, ms).unref();
  };
  const ping = (): void => {
    let answered = false;
    const timeoutMs = options.timeoutMs + bytesAhead() / slowestBytesPerMs;
    const giveUpUnlessAnswered = (): void => {
      if (!answered && !closed)
        connection.hangUp(new Error(`no answer to a ping within ${Math.round(timeoutMs)} ms`));
    };
    let silentSlices = 0;
    let read = connection.bytesRead;
    const awaitAnswer = (): void => {
      const sliceMs = timeoutMs / slices;
      const due = performance.now() + sliceMs;
      after(sliceMs, () => {
        const late = performance.now() - due > sliceMs / 4;
        const heard = connection.bytesRead !== read;
        read = connection.bytesRead;
        // Whatever arrives is a sign of life: on a busy connection the answer may take its time.
        if (heard) silentSlices = 0;
        else if (!late) silentSlices++;
        if (silentSlices < slices) awaitAnswer();
        // The answer may be there, unread: let it be read first.
        else setImmediate(() => setImmediate(giveUpUnlessAnswered));
      });
    };
    awaitAnswer();
    connection.ping(() => {
      if (answered || closed) return;
      answered = true;
      clearTimeout(timer);
      after(options.intervalMs, ping);
    });
  };
  after(options.intervalMs, ping);
  // Told at once when it has ended already, so that the timer must be there.
  connection.onClose(() => {
    closed = true;
    clearTimeout(timer);
  });
}
