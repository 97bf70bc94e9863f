/** What a promise rejects with, asked for before it does, so that the rejection is never unhandled. */
export function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => Promise.reject(new Error(`resolved with ${String(value)}`)),
    (error: unknown) => error,
  );
}
