import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";

import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";
import { type BackupPiece, BackupPieceSchema, SnapshotSchema } from "@paxos/proto";

import { encodeBackup, readBackup } from "./backup-file.js";

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "paxos-backup-"));
  file = join(directory, "backup");
});

afterEach(() => rm(directory, { recursive: true }));

/** A backup of these chunks. */
async function* piecesOf(...chunks: readonly Uint8Array[]): AsyncGenerator<BackupPiece> {
  const all = Buffer.concat(chunks);
  const snapshot = create(SnapshotSchema, {
    formatVersion: 1,
    seq: 7n,
    origin: 9n,
    chunks: chunks.length,
    bytes: BigInt(all.length),
    checksum: crc32(all),
  });
  let checksum = 0;
  for (const [index, data] of chunks.entries()) {
    checksum = crc32(data, checksum);
    yield create(BackupPieceSchema, { snapshot, index, data, checksum });
  }
}

async function write(...chunks: readonly Uint8Array[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of encodeBackup(piecesOf(...chunks))) parts.push(part);
  const bytes = Buffer.concat(parts);
  await writeFile(file, bytes);
  return bytes;
}

async function read(): Promise<BackupPiece[]> {
  const pieces: BackupPiece[] = [];
  for await (const piece of readBackup(file)) pieces.push(piece);
  return pieces;
}

test.each([
  ["one empty chunk", [new Uint8Array()]],
  ["small ones", [Buffer.from("abc"), Buffer.from("de")]],
  ["the largest ones", [Buffer.alloc(8 * 1024 * 1024, 1), Buffer.alloc(8 * 1024 * 1024, 2)]],
])("what is written is read: %s", async (_, chunks) => {
  await write(...chunks);
  expect(Buffer.concat((await read()).map(({ data }) => data)).equals(Buffer.concat(chunks))).toBe(true);
});

test("a file that begins with its name and version", async () => {
  expect((await write(Buffer.from("x"))).subarray(0, 15).toString()).toBe("paxos-backup 1\n");
});

test("a file cut short at any byte, or with any byte changed, or one more, is refused", async () => {
  const bytes = await write(Buffer.from("abc"), Buffer.from("de"));
  for (let at = 0; at < bytes.length; at++) {
    await writeFile(file, bytes.subarray(0, at));
    await expect(read()).rejects.toThrow(ConfigError);
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    await writeFile(file, changed);
    await expect(read()).rejects.toThrow(ConfigError);
  }
  await writeFile(file, Buffer.concat([bytes, Buffer.of(0)]));
  await expect(read()).rejects.toThrow("was cut short or changed since it was written");
});

test("whole pieces left out are missed", async () => {
  const parts: Uint8Array[] = [];
  for await (const part of encodeBackup(piecesOf(Buffer.from("a"), Buffer.from("b"), Buffer.from("c"))))
    parts.push(part);
  const [header, ...rest] = parts as [Uint8Array, ...Uint8Array[]];
  await writeFile(file, Buffer.concat([header, ...rest.slice(1)]));
  await expect(read()).rejects.toThrow("was cut short or changed since it was written");
  await writeFile(file, Buffer.concat([header, ...rest.slice(0, 2)]));
  await expect(read()).rejects.toThrow("was cut short or changed since it was written");
});

test("a backup of another version, and what is no backup, are told apart", async () => {
  const bytes = await readFile(new URL("../package.json", import.meta.url));
  await writeFile(file, bytes);
  await expect(read()).rejects.toThrow(
    `${file} is not a backup; name a file that paxos-server backup has written`,
  );
  await writeFile(file, Buffer.concat([Buffer.from("paxos-backup 2\n"), bytes]));
  await expect(read()).rejects.toThrow(`${file} is a backup of version 2; this release reads version 1`);
  await writeFile(file, "paxos-backup 12\n");
  await expect(read()).rejects.toThrow(`${file} is a backup of version 12; this release reads version 1`);
  await rm(file);
  await expect(read()).rejects.toThrow(`${file} cannot be read: ENOENT`);
});

test("a directory is no backup", async () => {
  file = directory;
  await expect(read()).rejects.toThrow(`${directory} is not a file`);
});
