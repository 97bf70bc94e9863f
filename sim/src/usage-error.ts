/** A person's mistake: the message says what is wrong and what is allowed. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
