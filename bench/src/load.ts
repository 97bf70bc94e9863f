import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientTransport } from "@paxos/core";
import { ClientUpdateSchema } from "@paxos/proto";
import { percentile } from "./statistics.js";

/** What a load measured. */
export interface Load {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

let clients = BigInt(Date.now()) << 16n;

/**
 * Keeps `inFlight` updates under way for `seconds`, after a second of warming up. Each has a client of its
 * own.
 */
export async function runLoad(
  transport: ClientTransport,
  addresses: readonly string[],
  inFlight: number,
  seconds: number,
  updateBytes: number,
): Promise<Load> {
  const samples: number[] = [];
  const begin = performance.now() + 1000;
  const end = begin + seconds * 1000;
  const update = new Uint8Array(updateBytes);
  await Promise.all(
    Array.from({ length: inFlight }, async (_, i) => {
      const address = addresses[i % addresses.length] as string;
      const clientId = ++clients;
      for (let timestamp = 1n; performance.now() < end; timestamp++) {
        const started = performance.now();
        await submit(transport, address, create(ClientUpdateSchema, { clientId, timestamp, update }));
        const now = performance.now();
        if (started >= begin && now <= end) samples.push(now - started);
      }
    }),
  );
  samples.sort((a, b) => a - b);
  return {
    perSecond: Math.round(samples.length / seconds),
    p50: percentile(samples, 0.5),
    p99: percentile(samples, 0.99),
  };
}

async function submit(
  transport: ClientTransport,
  address: string,
  update: Parameters<ClientTransport["clientUpdate"]>[1],
) {
  for (;;) {
    try {
      return await transport.clientUpdate(address, update, AbortSignal.timeout(10_000));
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== "busy") throw error;
    }
  }
}
