import { randomBytes } from "node:crypto";

/** Any 32 bits: for tables by numbers that others choose. */
export function randomSeed(): number {
  return randomBytes(4).readInt32LE();
}
