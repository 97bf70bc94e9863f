import { Code, ConnectError } from "@connectrpc/connect";
import { countElements, maxElements, type ElementRules } from "@paxos/transport-kit";

/** Bounds of the messages of one kind of stream, beyond their size, which the library looks at. */
export interface BodyLimits {
  /** How their elements are counted. */
  readonly rules: ElementRules;
  /** The largest message, in bytes: a larger one is left to the library, which refuses it by its announced size. */
  readonly maxBytes: number;
  /** The largest first message, in bytes. */
  readonly maxFirstBytes: number;
}

/** Of a message in a stream: a byte of flags, and its length in four. */
const headerBytes = 5;

/**
 * The body of a request that is a stream of messages, which it gives on message by message. It ends with an error before
 * a message that has too many elements, or is too large to be the first: by the library they would be decoded, and small
 * ones cost a hundred times in memory what they cost to send. Streams must be without compression.
 */
export async function* limitedBody(
  body: AsyncIterable<Uint8Array>,
  json: boolean,
  limits: BodyLimits,
): AsyncGenerator<Uint8Array> {
  const waiting = new Waiting();
  let passed = 0;
  let tooLarge = false;
  for await (const chunk of body) {
    if (tooLarge) {
      yield chunk;
      continue;
    }
    waiting.push(chunk);
    for (let size = waiting.size; size !== undefined; size = waiting.size) {
      if (passed === 0 && size > limits.maxFirstBytes) {
        throw refused(`a first message of ${size} bytes; the limit is ${limits.maxFirstBytes}`);
      }
      tooLarge = size > limits.maxBytes;
      if (tooLarge) {
        yield waiting.takeAll();
        break;
      }
      const message = waiting.take(headerBytes + size);
      if (message === undefined) break;
      passed++;
      requireFewElements(message.subarray(headerBytes), json, limits.rules);
      yield message;
    }
  }
  yield waiting.takeAll();
}

function requireFewElements(message: Uint8Array, json: boolean, rules: ElementRules): void {
  try {
    if (json) requireFewInJson(message);
    else countElements(rules, message);
  } catch (error) {
    throw refused(`a message that cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const [comma, brace] = [0x2c, 0x7b];

/** Elements of JSON are separated by commas, and objects begin with braces; base64 has neither. */
function requireFewInJson(text: Uint8Array): void {
  let elements = 0;
  for (const byte of text) if (byte === comma || byte === brace) elements++;
  if (elements > maxElements) throw new Error(`more than ${maxElements} elements`);
}

const refused = (why: string): ConnectError => new ConnectError(why, Code.InvalidArgument);

/** What has arrived and is not yet a message. Each byte is copied a bounded number of times, whatever the size of the chunks. */
class Waiting {
  #bytes = new Uint8Array();
  #start = 0;
  #end = 0;

  /** The size that the next message announces; undefined while that is not there. */
  get size(): number | undefined {
    if (this.#end - this.#start < headerBytes) return undefined;
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#start).getUint32(1);
  }

  push(chunk: Uint8Array): void {
    const pending = this.#end - this.#start;
    if (pending === 0) {
      this.#bytes = Uint8Array.from(chunk);
      [this.#start, this.#end] = [0, chunk.length];
      return;
    }
    const total = pending + chunk.length;
    if (this.#end + chunk.length > this.#bytes.length) {
      const wanted = headerBytes + (this.size ?? 0);
      const grown = new Uint8Array(Math.max(total, Math.min(wanted, 2 * total)));
      grown.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = grown;
      [this.#start, this.#end] = [0, pending];
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** So many bytes; undefined while they are not there. */
  take(count: number): Uint8Array | undefined {
    if (this.#end - this.#start < count) return undefined;
    const taken = this.#bytes.subarray(this.#start, this.#start + count);
    this.#start += count;
    return taken;
  }

  takeAll(): Uint8Array {
    const taken = this.#bytes.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return taken;
  }
}
