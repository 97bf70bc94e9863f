import type { UpdateAnswers, UpdateBatch } from "@paxos/proto";
import { oncePerTurn, type UpdateStream } from "@paxos/transport-kit";

/**
 * Serves one stream of updates and queries: reads for as long as the client takes its answers, and says answers as they become known. `open`
 * makes the stream.
 */
export async function* answersTo(
  requests: AsyncIterable<UpdateBatch>,
  signal: AbortSignal,
  open: (onAnswers: () => void) => UpdateStream,
): AsyncGenerator<UpdateAnswers> {
  let goOnReading = (): void => undefined;
  let goOnAnswering = (): void => undefined;
  let ended = false;
  let broken = false;
  const stream = open(oncePerTurn(() => goOnAnswering()));
  // A client that goes while its stream is stalled is noticed by the signal alone.
  const close = (): void => {
    ended = true;
    stream.close();
    goOnReading();
    goOnAnswering();
  };
  const read = async (): Promise<void> => {
    try {
      for await (const batch of requests) {
        stream.take(batch);
        while (!ended && !stream.hasRoom) await new Promise<void>((resolve) => (goOnReading = resolve));
        if (ended) return;
      }
    } catch (error) {
      // What cannot be read ends the stream at once, whatever is under way.
      broken = true;
      throw error;
    } finally {
      ended = true;
      goOnAnswering();
    }
  };
  signal.addEventListener("abort", close);
  try {
    const reading = read();
    // It is awaited below, or of no interest to anybody.
    reading.catch(() => undefined);
    for (;;) {
      if (broken) return await reading;
      const answers = stream.takeAnswers();
      if (answers !== undefined) {
        goOnReading();
        yield answers;
      } else if (ended && stream.length === 0) return await reading;
      else await new Promise<void>((resolve) => (goOnAnswering = resolve));
    }
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}
