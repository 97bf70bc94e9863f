import type { Frame } from "@paxos/proto";
import {
  cutOff,
  describeError,
  frameTargetBytes,
  keepAlive,
  type Connect,
  type Ended,
  type PeerAttempt,
} from "@paxos/transport-kit";
import type { Faults } from "./counters.js";
import { dial } from "./dial.js";
import { encodeFrame, encodeMessages } from "./frame.js";
import type { FrameFault } from "./frame-decoder.js";
import { unexpectedFields, type FrameField } from "./frame-fields.js";
import type { Conversation } from "./frame-intake.js";
import type { FrameSocket } from "./frame-socket.js";
import { shortFrameBytes } from "./frame-limits.js";

/** What connects a transport to its peers. */
export function peerCalls(faults: Faults): Connect {
  return async (attempt) => {
    const { settings } = attempt.linkage;
    let link: FrameSocket;
    try {
      link = await dial(attempt.peer.address, {
        timeoutMs: settings.connectTimeoutMs,
        lingerMs: settings.connectTimeoutMs,
        signal: attempt.signal,
      });
    } catch (error) {
      return { reason: describeError(error) };
    }
    return new PeerCall(attempt, link, faults).run();
  };
}

const greetings: ReadonlySet<FrameField> = new Set(["hello", "refusal"]);
const answers: ReadonlySet<FrameField> = new Set(["ping", "pong", "refusal"]);

/** The calling side of a connection between peers: says Hello, hears Hello, and sends messages from then on. */
class PeerCall implements Conversation {
  readonly frameLimit = shortFrameBytes;
  /** What a callee says is short, and must be heard: its pings, and the answers to ours. */
  readonly ready = true;
  #connected = false;
  #flushing = false;
  #ended: Ended | undefined;

  constructor(
    private readonly attempt: PeerAttempt,
    private readonly link: FrameSocket,
    private readonly faults: Faults,
  ) {}

  /** Resolves when the connection has ended. */
  run(): Promise<Ended> {
    const { link, attempt } = this;
    const { connectTimeoutMs } = attempt.linkage.settings;
    const onAbort = (): void => link.hangUp();
    const timer = setTimeout(() => {
      if (!this.#connected) link.hangUp(new Error(`no handshake within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    attempt.signal.addEventListener("abort", onAbort);
    if (attempt.signal.aborted) onAbort();
    link.carry(this);
    link.send(encodeFrame({ hello: attempt.hello() }));
    return new Promise((resolve) => {
      link.onClose(() => {
        clearTimeout(timer);
        attempt.signal.removeEventListener("abort", onAbort);
        const reason = link.error === undefined ? "the connection was closed" : describeError(link.error);
        resolve(this.#ended ?? { reason });
      });
    });
  }

  onFrame(frame: Frame): void {
    const unexpected = unexpectedFields(frame, this.#connected ? answers : greetings);
    if (unexpected !== undefined) {
      return this.#cutOff("closed_unexpected_frame", `a peer that was called does not say ${unexpected}`);
    }
    if (!this.#connected) return this.#greeted(frame);
    this.link.pings.take(frame);
    if (frame.refusal === undefined) return;
    this.#ended = this.attempt.refused(frame.refusal);
    this.link.hangUp();
  }

  onFault(_fault: FrameFault, detail: string): void {
    this.#cutOff("closed_undecodable", detail);
  }

  onEnd(truncated: boolean): void {
    if (truncated) this.faults.counters.add("closed_truncated");
    this.#ended ??= { reason: "the peer ended the connection" };
  }

  /** All that the node queues at a time leaves together. */
  onWritable(): void {
    const { lanes } = this.attempt;
    while (this.#connected && !this.link.ended && this.link.writable && lanes.length > 0) {
      this.link.sendNow(encodeMessages(lanes.take(frameTargetBytes)));
    }
  }

  #greeted(frame: Frame): void {
    const { link, attempt } = this;
    const refused = attempt.answered(frame);
    if (refused !== undefined) {
      this.#ended = refused.ended;
      if (refused.say === undefined) link.hangUp();
      else link.finish(encodeFrame({ refusal: refused.say }));
      return;
    }
    this.#connected = true;
    keepAlive(link, attempt.linkage.settings.keepAlive, () => link.bytesAhead);
    attempt.connected(() => this.#wake());
    this.#wake();
  }

  #wake(): void {
    if (this.#flushing || !this.link.writable) return;
    this.#flushing = true;
    // Before the event loop goes on, and before what the node has begun to save takes up its time.
    process.nextTick(() => {
      this.#flushing = false;
      this.onWritable();
    });
  }

  #cutOff(counter: Parameters<Faults["counters"]["add"]>[0], why: string): void {
    this.#ended = { reason: `closed: ${why}` };
    cutOff(this.link, this.faults, counter, why);
  }
}
