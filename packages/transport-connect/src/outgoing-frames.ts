import { create } from "@bufbuild/protobuf";
import { PeerFrameSchema, type PeerFrame } from "@paxos/proto";
import type { Lanes } from "@paxos/transport-kit";

type Step = IteratorResult<PeerFrame, undefined>;

/**
 * The frames of one connection, pulled by the stream as it takes them: the Hello, then, once the handshake has
 * succeeded, whatever waits in the lanes, or else a refusal. A pull means that the frame before was written.
 */
export class OutgoingFrames implements AsyncIterableIterator<PeerFrame> {
  readonly #first: PeerFrame[];
  #open = false;
  #ended = false;
  #pull: ((step: Step) => void) | undefined;
  #flushing = false;
  #bytesInFlight = 0;

  constructor(
    hello: PeerFrame,
    private readonly lanes: Lanes,
    private readonly targetBytes: number,
  ) {
    this.#first = [hello];
  }

  /** Bytes handed to the stream and not yet taken by the socket. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Lets messages leave. */
  open(): void {
    this.#open = true;
    this.wake();
  }

  /** Says a last frame instead of messages. */
  endWith(frame: PeerFrame): void {
    this.#first.push(frame);
    this.end();
  }

  /** Ends the stream after what has been pulled. */
  end(): void {
    this.#ended = true;
    this.#answer();
  }

  /** To be called when something was put into the lanes. All that the node queues at a time leaves together. */
  wake(): void {
    if (this.#pull === undefined || this.#flushing) return;
    this.#flushing = true;
    // Before the event loop goes on, and before what the node has begun to save takes up its time.
    process.nextTick(() => {
      this.#flushing = false;
      this.#answer();
    });
  }

  next(): Promise<Step> {
    this.#bytesInFlight = 0;
    return new Promise((resolve) => {
      this.#pull = resolve;
      this.#answer();
    });
  }

  return(): Promise<Step> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(): Promise<Step> {
    return this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #answer(): void {
    const pull = this.#pull;
    if (pull === undefined) return;
    const step = this.#step();
    if (step === undefined) return;
    this.#pull = undefined;
    pull(step);
  }

  #step(): Step | undefined {
    const first = this.#first.shift();
    if (first !== undefined) return { done: false, value: first };
    if (this.#ended) return { done: true, value: undefined };
    if (!this.#open || this.lanes.length === 0) return undefined;
    const messages = this.lanes.take(this.targetBytes);
    for (const message of messages) this.#bytesInFlight += message.length;
    return { done: false, value: create(PeerFrameSchema, { messages }) };
  }
}
