import { expect, test } from "@jest/globals";
import { encodeFrame, encodeMessages } from "./frame.js";
import { FrameDecoder, type FrameFault } from "./frame-decoder.js";

const limit = 1024 * 1024;

/** Feeds chunks, takes frames as they come, and gives the pings in them. */
function pings(decoder: FrameDecoder, chunks: Iterable<Uint8Array>): bigint[] {
  const found: bigint[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      if (next.frame === undefined) throw new Error(next.detail);
      found.push(next.frame.ping);
    }
  }
  return found;
}

function* inChunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function faultOf(bytes: readonly number[] | Uint8Array, size = Infinity): FrameFault | undefined {
  const decoder = new FrameDecoder(limit);
  for (const chunk of size === Infinity
    ? [Uint8Array.from(bytes)]
    : inChunksOf(Uint8Array.from(bytes), size)) {
    decoder.push(chunk);
    const next = decoder.next();
    if (next?.fault !== undefined) return next.fault;
  }
  return undefined;
}

const numbers = Array.from({ length: 300 }, (_, i) => BigInt(i + 1) ** 3n);
const stream = Buffer.concat(numbers.map((ping) => encodeFrame({ ping })));

test.each([1, 2, 3, 5, 7, 64, 10_000])("frames are found in chunks of %d bytes", (size) => {
  expect(pings(new FrameDecoder(limit), inChunksOf(stream, size))).toEqual(numbers);
});

test("frames may be taken later than they come", () => {
  const decoder = new FrameDecoder(limit);
  for (const chunk of inChunksOf(stream, 11)) decoder.push(chunk);
  expect(pings(decoder, [new Uint8Array()])).toEqual(numbers);
  expect(decoder.held).toBe(0);
});

test("a large frame that comes with others, in pieces, arrives whole", () => {
  const payload = Uint8Array.from({ length: 700_000 }, (_, i) => i % 251);
  const frame = encodeMessages([payload]);
  for (const size of [1, 1000, 65_536]) {
    const decoder = new FrameDecoder(limit);
    const heard: Uint8Array[] = [];
    for (const chunk of inChunksOf(Buffer.concat([frame, frame, stream]), size)) {
      decoder.push(chunk);
      for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
        if (next.frame === undefined) throw new Error(next.detail);
        heard.push(...next.frame.messages);
      }
    }
    expect(heard.map((message) => Buffer.compare(message, payload))).toEqual([0, 0]);
  }
});

test("memory grows with what comes, not with what is announced", () => {
  const decoder = new FrameDecoder(limit);
  const frame = encodeMessages([new Uint8Array(900_000)]);
  let most = 0;
  for (const [i, chunk] of [...inChunksOf(frame, 1000)].entries()) {
    decoder.push(chunk);
    decoder.next();
    most = Math.max(most, decoder.held / ((i + 1) * 1000));
  }
  expect(most).toBeLessThanOrEqual(2);
});

test("a frame of a megabyte in single bytes is not copied over and over", () => {
  const decoder = new FrameDecoder(2 * limit);
  const frame = encodeMessages([new Uint8Array(limit)]);
  let copied = 0;
  let before = 0;
  for (const chunk of inChunksOf(frame, 1)) {
    decoder.push(chunk);
    if (decoder.held > before) copied += decoder.pending;
    before = decoder.held;
    if (decoder.next() !== undefined) break;
  }
  expect(copied).toBeLessThan(4 * frame.length);
});

test("what cannot be a frame is named", () => {
  expect(faultOf([0])).toBe("frame_empty");
  expect(faultOf([0x80, 0x00])).toBe("frame_empty");
  expect(faultOf([0xff, 0xff, 0xff, 0xff, 0xff])).toBe("size_malformed");
  expect(faultOf([0xff, 0xff, 0xff, 0xff, 0x1f])).toBe("size_malformed");
  expect(faultOf([0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 1)).toBe("size_malformed");
  expect(faultOf([0xff, 0xff, 0xff, 0xff, 0x0f])).toBe("frame_too_large");
  expect(faultOf([0x81, 0x80, 0x40])).toBe("frame_too_large");
  expect(faultOf([2, 0x1a, 0x05])).toBe("frame_undecodable");
  expect(faultOf([1, 0x00])).toBe("frame_undecodable");
  expect(faultOf([0x80, 0x80, 0x40])).toBe(undefined);
});

test("an announced size above the limit is refused before anything of the frame is there", () => {
  const decoder = new FrameDecoder(1000);
  decoder.push(Uint8Array.of(0xe9, 0x07));
  expect(decoder.next()).toEqual({
    fault: "frame_too_large",
    detail: "a frame of 1001 bytes; the limit is 1000",
  });
});

test("after a fault there is nothing but that fault, and nothing is kept", () => {
  const decoder = new FrameDecoder(limit);
  decoder.push(Uint8Array.of(0, ...encodeFrame({ ping: 1n })));
  const fault = decoder.next();
  decoder.push(stream);
  expect(decoder.next()).toBe(fault);
  expect(decoder.held).toBe(0);
});

test("the limit can be raised between two frames", () => {
  const decoder = new FrameDecoder(10);
  decoder.push(Buffer.concat([encodeFrame({ ping: 1n }), encodeMessages([new Uint8Array(100)])]));
  expect(decoder.next()?.frame?.ping).toBe(1n);
  decoder.limit = 200;
  expect(decoder.next()?.frame?.messages).toHaveLength(1);
});

test.each([
  ["client", Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.alloc(100)])],
  ["server", Buffer.from("00000c04000000000000030000006400040000ffff", "hex")],
])("a %s of HTTP/2 is recognised: what is told says what to do", (_, bytes) => {
  const decoder = new FrameDecoder(65_536);
  decoder.push(bytes);
  expect(decoder.next()).toMatchObject({
    detail: expect.stringMatching(/HTTP\/2[,;] use the same transport on all servers and clients$/),
  });
});
