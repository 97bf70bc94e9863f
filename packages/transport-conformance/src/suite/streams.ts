import { create } from "@bufbuild/protobuf";
import type { ClientTransport } from "@paxos/core";
import {
  BackupPieceSchema,
  LogRequestSchema,
  LogResponseSchema,
  type BackupPiece,
  type LogResponse,
} from "@paxos/proto";

/** The streams that clients read. Their pieces have numbers, so that a test can tell which have come. */
export const streamKinds = ["log", "backup"] as const;
export type StreamKind = (typeof streamKinds)[number];

/** Opens a stream, from its first piece on; gives the numbers of its pieces. */
export async function* openStream(
  kind: StreamKind,
  client: ClientTransport,
  address: string,
  signal: AbortSignal,
): AsyncGenerator<number> {
  switch (kind) {
    case "log":
      for await (const { firstSeq } of client.log(address, create(LogRequestSchema, { fromSeq: 1n }), signal))
        yield Number(firstSeq);
      return;
    case "backup":
      for await (const { index } of client.backup(address, signal)) yield index;
  }
}

/** A piece of a log, with so many bytes in it. */
export function logPiece(number: number, bytes: number): LogResponse {
  const entries = bytes === 0 ? [] : [{ update: { update: new Uint8Array(bytes) } }];
  return create(LogResponseSchema, { firstSeq: BigInt(number), entries });
}

/** A piece of a backup, with so many bytes in it. */
export function backupPiece(number: number, bytes: number): BackupPiece {
  return create(BackupPieceSchema, { index: number, data: new Uint8Array(bytes) });
}
