import type { AbstractChainedBatchWriteOptions, AbstractLevel } from "abstract-level";

/** A database whose keys and values are bytes: made with `keyEncoding` and `valueEncoding` "view". */
export type BinaryLevel = AbstractLevel<string | Buffer | Uint8Array, Uint8Array, Uint8Array>;

/** Keys from `gte` on, below `lt`. */
export interface KeyRange {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

/** `sync` is classic-level's: the batch resolves when it is on disk. */
export const DURABLY: AbstractChainedBatchWriteOptions & { readonly sync: true } = { sync: true };
