import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import {
  ClientUpdateSchema,
  GloballyOrderedUpdateSchema,
  type ClientUpdate,
  type GloballyOrderedUpdate,
} from "@paxos/proto";

/** One update that was handed over. */
export interface Call {
  readonly update: ClientUpdate;
  readonly signal: AbortSignal;
  /** Answers with the timestamp as the seq, and the update's bytes as the result. */
  answer(more?: { leaderId?: bigint; duplicate?: boolean }): void;
  fail(error: unknown): void;
}

/** A handler whose answers come when a test says so; an update that is abandoned rejects at once, unless `stubborn`. */
export class SettlingHandler {
  readonly calls: Call[] = [];
  stubborn = false;

  clientUpdate(update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        update,
        signal,
        answer: (more = {}) =>
          resolve(
            create(GloballyOrderedUpdateSchema, { seq: update.timestamp, result: update.update, ...more }),
          ),
        fail: reject,
      });
      signal.addEventListener("abort", () => {
        if (!this.stubborn) reject(new RequestError("cancelled", "the client has gone"));
      });
    });
  }

  call(timestamp: number): Call {
    const call = this.calls.findLast(({ update }) => update.timestamp === BigInt(timestamp));
    if (call === undefined) throw new Error(`update ${timestamp} was not handed over`);
    return call;
  }
}

export function update(timestamp: number, bytes = 10, clientId = 7n): ClientUpdate {
  return create(ClientUpdateSchema, {
    clientId,
    timestamp: BigInt(timestamp),
    update: new Uint8Array(bytes).fill(timestamp),
  });
}
