/** What makes an update the same update. */
export interface UpdateIdentity {
  readonly clientId: bigint;
  readonly timestamp: bigint;
}

/**
 * An update's client id and timestamp as a key of a map. They are chosen by clients, so the key is a string: V8 hashes
 * bigints without a seed, and whoever knows how can make a map of them take quadratic time.
 */
export function updateKey({ clientId, timestamp }: UpdateIdentity): string {
  return `${clientId}/${timestamp}`;
}
