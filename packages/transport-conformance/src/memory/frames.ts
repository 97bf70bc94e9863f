import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { FrameSchema, type Frame } from "@paxos/proto";
import type { MemoryConnection } from "./memory-connection.js";

/** Bytes of the other fields of an update or query, at most. */
export const fieldBytes = 64;

/** Sends one frame of tcp.proto; one frame of the connection is one Frame. */
export function sendFrame(
  connection: MemoryConnection,
  frame: Omit<MessageInitShape<typeof FrameSchema>, "$typeName">,
): Promise<void> {
  return connection.send(toBinary(FrameSchema, create(FrameSchema, frame)));
}

/** What came is no frame. */
export class NoFrameError extends Error {
  override readonly name = "NoFrameError";
}

/** For `catch`: the words of a {@link NoFrameError}; other errors are thrown on. */
export function whatDidNotDecode(error: unknown): string {
  if (error instanceof NoFrameError) return error.message;
  throw error;
}

/** The next frame; undefined when the connection has ended. Throws a {@link NoFrameError}. */
export async function receiveFrame(connection: MemoryConnection): Promise<Frame | undefined> {
  const bytes = await connection.receive();
  if (bytes === undefined) return undefined;
  try {
    return fromBinary(FrameSchema, bytes);
  } catch (error) {
    throw new NoFrameError("a frame that does not decode", { cause: error });
  }
}

/** The first frame. The connection is closed when it does not come in time. */
export async function receiveFirstFrame(
  connection: MemoryConnection,
  withinMs: number,
): Promise<Frame | undefined> {
  const timer = setTimeout(() => connection.close(`no handshake within ${withinMs} ms`), withinMs);
  try {
    return await receiveFrame(connection);
  } finally {
    clearTimeout(timer);
  }
}
