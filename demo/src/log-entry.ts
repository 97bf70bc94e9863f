// A server's log, as clients read it.
import { create } from "@bufbuild/protobuf";
import type { ClientTransport } from "@paxos/core";
import { LogRequestSchema } from "@paxos/proto";

/** One ordered update. */
export interface LogEntry {
  readonly seq: number;
  readonly clientId: bigint;
  readonly timestamp: bigint;
  /** The node through which it entered the cluster. */
  readonly enteredAt: number;
  readonly update: Uint8Array;
  /** It had been executed at an earlier seq, and was not executed again. */
  readonly duplicate: boolean;
}

/** Reads the log of the server at `address` from a seq on. No-ops are left out. */
export async function readLog(
  transport: ClientTransport,
  address: string,
  fromSeq: number,
  signal: AbortSignal,
): Promise<LogEntry[]> {
  const log: LogEntry[] = [];
  const request = create(LogRequestSchema, { fromSeq: BigInt(Math.max(1, fromSeq)) });
  for await (const { entries } of transport.log(address, request, signal)) {
    for (const { seq, update, duplicate } of entries) {
      log.push({
        seq: Number(seq),
        clientId: update?.clientId ?? 0n,
        timestamp: update?.timestamp ?? 0n,
        enteredAt: Number(update?.nodeId ?? 0n),
        update: update?.update ?? new Uint8Array(),
        duplicate,
      });
    }
  }
  return log;
}
