import { scramble } from "./random.js";

/** Tells byte sequences apart: the FNV-1a hash, scrambled. 32 bits. */
export function digestOf(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return scramble(sum ^ bytes.length);
}

/** Whether both hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
