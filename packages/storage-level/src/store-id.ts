import { getRandomValues } from "node:crypto";

/** A new store id: 64 random bits, not all 0. */
export function randomStoreId(): bigint {
  const [id] = getRandomValues(new BigUint64Array(1));
  return id === undefined || id === 0n ? randomStoreId() : id;
}
