import { crc32 } from "node:zlib";
import { RequestError } from "@paxos/core";
import type { BackupPiece, Snapshot } from "@paxos/proto";

/**
 * Hands on the pieces of a backup. Throws a RequestError when they are not the whole of one snapshot, in their order and as
 * they were stored: who has got to the end of it has all of it.
 */
export async function* wholeBackup(
  pieces: AsyncIterable<BackupPiece>,
  address: string,
): AsyncGenerator<BackupPiece, void, undefined> {
  let whole: Snapshot | undefined;
  let had = 0;
  let checksum = 0;
  for await (const piece of pieces) {
    const { snapshot, index, data } = piece;
    whole ??= snapshot;
    if (snapshot === undefined || whole === undefined || !isSame(snapshot, whole) || index !== had)
      throw useless(address, `piece ${index} of another snapshot, or out of its order, came after ${had}`);
    if (index >= whole.chunks) throw useless(address, `more than ${whole.chunks} pieces came`);
    checksum = crc32(data, checksum);
    if (checksum !== piece.checksum) throw useless(address, `the checksum of piece ${index} does not fit`);
    had++;
    yield piece;
  }
  if (whole === undefined || had < whole.chunks)
    throw useless(address, `it ended after ${had} of ${whole?.chunks ?? "so many"} pieces`);
}

const isSame = (one: Snapshot, other: Snapshot): boolean =>
  one.seq === other.seq && one.origin === other.origin;

const useless = (address: string, why: string): RequestError =>
  new RequestError("unavailable", `the backup from ${address} is of no use: ${why}; ask for another one`);
