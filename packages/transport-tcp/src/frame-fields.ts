import type { Frame } from "@paxos/proto";

/** The fields of a frame, by their names. */
export type FrameField = Exclude<keyof Frame, `$${string}`>;

const present: Readonly<Record<FrameField, (frame: Frame) => boolean>> = {
  hello: (frame) => frame.hello !== undefined,
  refusal: (frame) => frame.refusal !== undefined,
  messages: (frame) => frame.messages.length > 0,
  clientHello: (frame) => frame.clientHello !== undefined,
  serverHello: (frame) => frame.serverHello !== undefined,
  updates: (frame) => frame.updates !== undefined,
  answers: (frame) => frame.answers !== undefined,
  calls: (frame) => frame.calls.length > 0,
  replies: (frame) => frame.replies.length > 0,
  ping: (frame) => frame.ping !== 0n,
  pong: (frame) => frame.pong !== 0n,
};

const names = Object.keys(present) as FrameField[];

/** Says which fields of a frame are not among those that are expected; undefined when there are none. */
export function unexpectedFields(frame: Frame, expected: ReadonlySet<FrameField>): string | undefined {
  const found = names.filter((name) => !expected.has(name) && present[name](frame));
  return found.length === 0 ? undefined : found.join(", ");
}
