/** Characters that are kept of words that come from the other side. */
const maxLength = 1000;

/** Words that come from the other side, as they may go to logs and terminals: one line of bounded length, without controls. */
export function oneLine(text: string): string {
  return text.slice(0, maxLength).replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

/** What went wrong, for people. Of several errors at once (one for each address of a name) all are told, each once. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return [...new Set(error.errors.map(describeError))].join("; ");
  if (!(error instanceof Error)) return oneLine(String(error));
  if (error.message !== "") return oneLine(error.message);
  return error.cause === undefined ? error.name : describeError(error.cause);
}
