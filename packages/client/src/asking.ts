// Questions to servers that are to be answered soon.
import { RequestError } from "@paxos/core";
import type { ClientEnvironment } from "./environment.js";

/** How long a server may take to say what it is doing. */
const ANSWER_MS = 2_000;

/** How long a transport may take to notice that its signal was aborted. */
export const GRACE_MS = 100;

/** What a server has answered, or why it has not. */
export type Asked<T> =
  | { readonly address: string; readonly answer: T }
  | { readonly address: string; readonly error: RequestError };

/** Asks one server, for 2 s at most, and until the controller is aborted, whatever its transport does. Never rejects. */
export async function ask<T>(
  environment: ClientEnvironment,
  address: string,
  controller: AbortController,
  call: (address: string, signal: AbortSignal) => Promise<T>,
): Promise<Asked<T>> {
  let stop = (): void => undefined;
  const deaf = new Promise<never>((_, reject) => {
    stop = environment.after(ANSWER_MS, () => {
      controller.abort(new DOMException("no answer in time", "TimeoutError"));
      stop = environment.after(GRACE_MS, () =>
        reject(new RequestError("timed_out", `no answer from ${address} within ${ANSWER_MS / 1000} s`)),
      );
    });
  });
  try {
    return { address, answer: await Promise.race([call(address, controller.signal), deaf]) };
  } catch (error) {
    return { address, error: requestErrorOf(error) };
  } finally {
    stop();
  }
}

/** Asks several at once. Ended are those questions that are still open. */
export function askAll<S, T>(
  servers: readonly S[],
  signal: AbortSignal,
  askOne: (server: S, controller: AbortController) => Promise<Asked<T>>,
): { readonly answers: Promise<Asked<T>>[]; readonly end: () => void } {
  const asked = servers.map((server) => ({ server, controller: new AbortController() }));
  const abort = (): void => {
    for (const { controller } of asked) controller.abort(signal.reason);
  };
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  const answers = asked.map(({ server, controller }) => askOne(server, controller));
  const end = (): void => {
    signal.removeEventListener("abort", abort);
    abort();
  };
  return { answers, end };
}

/** Whatever a transport rejected with; anything but a RequestError is a fault of its own. */
export function requestErrorOf(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RequestError("unavailable", `the transport failed: ${message}`, { cause: error });
}
