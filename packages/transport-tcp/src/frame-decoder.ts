import { sizeDelimitedPeek } from "@bufbuild/protobuf/wire";
import type { Frame } from "@paxos/proto";
import { decodeFrame } from "./frame.js";

/** Why bytes cannot be read as frames. The connection must be closed: nothing after them can be read either. */
export type FrameFault =
  /** A frame's size has more than five bytes, or more than 32 bits. */
  | "size_malformed"
  /** A frame of no bytes: it says nothing, and could be sent for ever. */
  | "frame_empty"
  /** A frame's size exceeds the limit. Found before anything of the frame is kept. */
  | "frame_too_large"
  /** What was announced as a frame does not decode. */
  | "frame_undecodable";

/** A frame, or why there will be none any more. */
export type Decoded =
  | { readonly frame: Frame; readonly fault?: never }
  | { readonly frame?: never; readonly fault: FrameFault; readonly detail: string };

/** The most bytes of a frame's size: 32 bits, seven in a byte. */
const maxSizeBytes = 5;

const none = new Uint8Array();

/** How a client of HTTP/2 begins, after its "P", which is taken for a size. */
const http2Preface = new TextEncoder().encode("RI * HTTP/2.0");
const sameTransport = "use the same transport on all servers and clients";
const perhapsHttp2 = `if it is HTTP/2, ${sameTransport}`;

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, i) => bytes[i] === byte);
}

/**
 * Cuts a stream of bytes into frames, each preceded by its size as a varint. What it holds of an unfinished frame is at most
 * twice what has arrived of it, and each byte is copied a bounded number of times, whatever the size of the chunks.
 */
export class FrameDecoder {
  /** Unread bytes are those from `#start` to `#end`; frames that were given out may be views of those before. */
  #bytes: Uint8Array = none;
  #start = 0;
  #end = 0;
  /** Whether `#bytes` was made here, so that there may be room after `#end`. */
  #own = false;
  /** Whether a frame has been read. */
  #begun = false;
  #fault: Decoded | undefined;

  /** `limit` is the largest frame, in bytes. It may be changed between frames. */
  constructor(public limit: number) {}

  /** How many bytes wait to be completed, or to be taken as frames. */
  get pending(): number {
    return this.#end - this.#start;
  }

  /** How many bytes of memory are kept for them. */
  get held(): number {
    return this.pending === 0 ? 0 : this.#bytes.length;
  }

  /** Adds what has arrived. The chunk must not be changed afterwards. */
  push(chunk: Uint8Array): void {
    if (this.#fault !== undefined || chunk.length === 0) return;
    if (this.pending === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#own = false;
      return;
    }
    if (!this.#own || this.#end + chunk.length > this.#bytes.length) this.#grow(chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next frame; undefined while it is not complete; after a fault nothing but that fault. */
  next(): Decoded | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const size = this.#peek();
    if (size === undefined) return undefined;
    if (size === "malformed")
      return this.#fail("size_malformed", "a frame whose size is no varint of 32 bits");
    if (size.bytes === 0) {
      // A server of HTTP/2 begins with a frame of settings, whose size in three bytes begins with 0.
      return this.#fail("frame_empty", this.#begun ? "an empty frame" : `an empty frame; ${perhapsHttp2}`);
    }
    if (size.bytes > this.limit) {
      return this.#fail("frame_too_large", `a frame of ${size.bytes} bytes; the limit is ${this.limit}`);
    }
    const start = this.#start + size.offset;
    const end = start + size.bytes;
    if (end > this.#end) return undefined;
    const bytes = this.#bytes.subarray(start, end);
    this.#start = end;
    if (this.#start === this.#end) this.#forget();
    const isFirst = !this.#begun;
    this.#begun = true;
    try {
      return { frame: decodeFrame(bytes) };
    } catch (error) {
      if (isFirst && startsWith(bytes, http2Preface))
        return this.#fail("frame_undecodable", `HTTP/2; ${sameTransport}`);
      const why = error instanceof Error ? error.message : String(error);
      return this.#fail("frame_undecodable", `a frame that does not decode (${why})`);
    }
  }

  /** The size of the next frame and where the frame starts, as far as its bytes are there. */
  #peek(): { readonly bytes: number; readonly offset: number } | "malformed" | undefined {
    for (let i = 0; i < maxSizeBytes; i++) {
      const at = this.#start + i;
      if (at >= this.#end) return undefined;
      const byte = this.#bytes[at] ?? 0;
      if (byte >= 0x80) continue;
      if (i === maxSizeBytes - 1 && byte > 0x0f) return "malformed";
      const peeked = sizeDelimitedPeek(this.#bytes.subarray(this.#start, at + 1));
      return peeked.eof ? undefined : { bytes: peeked.size, offset: peeked.offset };
    }
    return "malformed";
  }

  /** Makes room for `more` bytes: twice what is there, but not more than the unfinished frame will need. */
  #grow(more: number): void {
    const total = this.pending + more;
    const size = this.#peek();
    const wanted = typeof size === "object" ? size.offset + size.bytes : total;
    const grown = new Uint8Array(Math.max(total, Math.min(wanted, 2 * total)));
    grown.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = grown;
    this.#end -= this.#start;
    this.#start = 0;
    this.#own = true;
  }

  #fail(fault: FrameFault, detail: string): Decoded {
    this.#forget();
    this.#fault = { fault, detail };
    return this.#fault;
  }

  #forget(): void {
    this.#bytes = none;
    this.#start = 0;
    this.#end = 0;
    this.#own = false;
  }
}
