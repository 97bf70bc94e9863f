// Numbers at the border: 64-bit integers on the wire are `bigint`s there and `number`s inside the core.

/** A message from a peer makes no sense. The message is ignored, counted and logged; nothing else happens. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  /** @param reason snake_case, the name of the counter. */
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

// Half of what a number holds exactly, so that sums of two stay exact.
const greatest = 2n ** 52n;

/** Converts a seq, view, epoch or node id of a message. Above 2^52 it throws a {@link PeerError}. */
export function fromWire(value: bigint, what: string): number {
  if (value > greatest) throw new PeerError("number_too_large", `${what} ${value} exceeds ${greatest}`);
  return Number(value);
}

/** Whether this can be a node's id. */
export function isId(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Converts a seq, view, epoch or node id for a message. */
export function toWire(value: number): bigint {
  return BigInt(value);
}
