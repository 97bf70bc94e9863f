// The file of a backup. A line that names the format and its version; the BackupPieces, each preceded by its size as a varint;
// the SHA-256 of all that, 32 bytes.
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { ConfigError } from "@paxos/core";
import { type BackupPiece, BackupPieceSchema, type Snapshot } from "@paxos/proto";

const NAME = "paxos-backup";
const VERSION = 1;
const HEADER = new TextEncoder().encode(`${NAME} ${VERSION}\n`);
const DIGEST_BYTES = 32;

/** More than the largest piece takes. */
const READ_MAX_BYTES = 16 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

/** The bytes of the file. */
export async function* encodeBackup(pieces: AsyncIterable<BackupPiece>): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256").update(HEADER);
  yield HEADER;
  for await (const piece of pieces) {
    const bytes = sizeDelimitedEncode(BackupPieceSchema, piece);
    hash.update(bytes);
    yield bytes;
  }
  yield hash.digest();
}

/**
 * Reads a backup. Who has got to its end has all of it, unchanged; until then it may yet throw, a ConfigError that says what
 * is wrong with the file.
 */
export async function* readBackup(
  file: string,
): AsyncGenerator<BackupPiece & { readonly snapshot: Snapshot }> {
  const handle = await openToRead(file);
  try {
    const { size } = await handle.stat();
    const hash = createHash("sha256").update(await readHeader(file, handle));
    let had = 0;
    let whole: Snapshot | undefined;
    try {
      const bytes = readBytes(handle, HEADER.length, size - DIGEST_BYTES, (part) => hash.update(part));
      for await (const piece of sizeDelimitedDecodeStream(BackupPieceSchema, bytes, {
        readMaxBytes: READ_MAX_BYTES,
      })) {
        const { snapshot } = piece;
        whole ??= snapshot;
        if (snapshot === undefined || piece.index !== had++) throw new Error("pieces are missing");
        yield { ...piece, snapshot };
      }
    } catch (cause) {
      throw damaged(file, cause);
    }
    const digest = new Uint8Array(DIGEST_BYTES);
    await handle.read(digest, 0, DIGEST_BYTES, Math.max(0, size - DIGEST_BYTES));
    if (whole === undefined || had !== whole.chunks || !hash.digest().equals(digest)) throw damaged(file);
  } finally {
    await handle.close();
  }
}

async function openToRead(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file, "r");
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  throw new ConfigError(`${file} is not a file; name one that paxos-server backup has written`);
}

/** Reads the first line. */
async function readHeader(file: string, handle: FileHandle): Promise<Uint8Array> {
  const header = new Uint8Array(HEADER.length);
  await handle.read(header, 0, header.length, 0);
  const text = new TextDecoder("latin1").decode(header);
  const [, version] = /^paxos-backup (\d+)/.exec(text) ?? [];
  if (version === undefined)
    throw new ConfigError(`${file} is not a backup; name a file that paxos-server backup has written`);
  if (text === `${NAME} ${VERSION}\n`) return header;
  throw new ConfigError(
    `${file} is a backup of version ${version}; this release reads version ${VERSION}: restore it with the release that has written it`,
  );
}

async function* readBytes(
  handle: FileHandle,
  from: number,
  to: number,
  onRead: (part: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to;) {
    const buffer = new Uint8Array(Math.min(READ_BYTES, to - at));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    const part = buffer.subarray(0, bytesRead);
    onRead(part);
    yield part;
    at += bytesRead;
  }
}

function damaged(file: string, cause?: unknown): ConfigError {
  return new ConfigError(
    `${file} was cut short or changed since it was written: nothing is restored from it. Take another copy, or another backup`,
    { cause },
  );
}
