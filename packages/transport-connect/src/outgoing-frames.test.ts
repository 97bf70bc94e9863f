import { create } from "@bufbuild/protobuf";
import { PeerFrameSchema, type PeerFrame } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { Lanes } from "@paxos/transport-kit";
import { OutgoingFrames } from "./outgoing-frames.js";

const limits = { maxBytes: 1_000_000, maxMessages: 1000 };
const hello = create(PeerFrameSchema, { hello: { nodeId: 1n } });
const refusal = create(PeerFrameSchema, { refusal: { detail: "no" } });

function newFrames(): { lanes: Lanes; frames: OutgoingFrames } {
  const lanes = new Lanes({ control: limits, bulk: limits });
  return { lanes, frames: new OutgoingFrames(hello, lanes, 1000) };
}

const valueOf = async (
  pulled: Promise<IteratorResult<PeerFrame, undefined>>,
): Promise<PeerFrame | undefined> => (await pulled).value;

test("the Hello comes first; messages wait for the handshake", async () => {
  const { lanes, frames } = newFrames();
  lanes.push("control", new Uint8Array([1]));
  frames.wake();
  expect(await valueOf(frames.next())).toBe(hello);
  let pulled: PeerFrame | undefined;
  const next = valueOf(frames.next()).then((frame) => (pulled = frame));
  await new Promise((resolve) => setImmediate(resolve));
  expect(pulled).toBeUndefined();
  frames.open();
  await next;
  expect(pulled?.messages).toEqual([new Uint8Array([1])]);
});

test("what one turn of the event loop queues leaves in one frame", async () => {
  const { lanes, frames } = newFrames();
  await frames.next();
  frames.open();
  const next = valueOf(frames.next());
  for (let i = 0; i < 100; i++) {
    lanes.push("control", new Uint8Array([i]));
    frames.wake();
    await Promise.resolve();
  }
  expect((await next)?.messages).toHaveLength(100);
});

test("bytes are in flight from one pull to the next", async () => {
  const { lanes, frames } = newFrames();
  await frames.next();
  frames.open();
  lanes.push("control", new Uint8Array(500));
  await frames.next();
  expect(frames.bytesInFlight).toBe(500);
  const next = frames.next();
  expect(frames.bytesInFlight).toBe(0);
  frames.end();
  expect((await next).done).toBe(true);
});

test("a refusal is the last frame, and no message precedes it", async () => {
  const { lanes, frames } = newFrames();
  await frames.next();
  lanes.push("control", new Uint8Array([1]));
  frames.endWith(refusal);
  expect(await valueOf(frames.next())).toBe(refusal);
  expect((await frames.next()).done).toBe(true);
});

test("a stream that is given up by its reader ends, a pull under way included", async () => {
  const { frames } = newFrames();
  await frames.next();
  const next = frames.next();
  await frames.throw();
  expect((await next).done).toBe(true);
});
