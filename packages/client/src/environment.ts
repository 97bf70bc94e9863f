/** Time and chance. For tests, which put virtual time and seeded chance in their place. */
export interface ClientEnvironment {
  /** Milliseconds that never run backwards. */
  now(): number;
  /** Calls `callback` once, after `ms` milliseconds, unless the returned function is called before. */
  after(ms: number, callback: () => void): () => void;
  /** A number from 0 up to, but without, 1. */
  random(): number;
  /** A new id, of a client or of a membership change: 64 random bits, not 0. */
  clientId(): bigint;
  /** How far the timestamps of one session may lie apart: what the servers allow, 1,024. */
  readonly sessionWindow: number;
}

/** The machine's time and chance. */
export const systemEnvironment: ClientEnvironment = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
  clientId: randomClientId,
  sessionWindow: 1024,
};

function randomClientId(): bigint {
  const id = new BigUint64Array(1);
  // 0 is reserved for no-ops.
  while (id[0] === 0n) crypto.getRandomValues(id);
  return id[0] as bigint;
}
