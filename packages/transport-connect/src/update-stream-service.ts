import type { UpdateAnswers, UpdateBatch } from "@paxos/proto";
import { oncePerTurn, UpdateStream } from "@paxos/transport-kit";

/** What an update stream is made with, but for its events. */
export type UpdateStreamParts = readonly [
  ...(ConstructorParameters<typeof UpdateStream> extends [...infer Parts, unknown] ? Parts : never),
];

/** Serves one stream of updates: reads while there is room, and says answers as they become known. */
export async function* answersTo(
  requests: AsyncIterable<UpdateBatch>,
  signal: AbortSignal,
  parts: UpdateStreamParts,
): AsyncGenerator<UpdateAnswers> {
  let goOnReading = (): void => undefined;
  let goOnAnswering = (): void => undefined;
  let ended = false;
  const stream = new UpdateStream(...parts, {
    onAnswers: oncePerTurn(() => goOnAnswering()),
    onRoom: () => goOnReading(),
  });
  // A client that goes while its stream is stalled is noticed by the signal alone.
  const close = (): void => {
    ended = true;
    stream.close();
    goOnReading();
    goOnAnswering();
  };
  const read = async (): Promise<void> => {
    for await (const batch of requests) {
      stream.take(batch);
      if (!ended && !stream.hasRoom) await new Promise<void>((resolve) => (goOnReading = resolve));
      if (ended) return;
    }
  };
  signal.addEventListener("abort", close);
  try {
    const reading = read().finally(() => {
      ended = true;
      goOnAnswering();
    });
    // It is awaited below, or of no interest to anybody.
    reading.catch(() => undefined);
    for (;;) {
      const answers = stream.takeAnswers();
      if (answers !== undefined) yield answers;
      else if (ended && stream.length === 0) return await reading;
      else await new Promise<void>((resolve) => (goOnAnswering = resolve));
    }
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}
