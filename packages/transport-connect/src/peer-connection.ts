import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { InvariantError, type PeerAddress, type TransportContext } from "@paxos/core";
import { encodeMessage, PeerService, type Message, type PeerFrame } from "@paxos/proto";
import type { ClientHttp2Session } from "node:http2";
import { BackOff } from "./back-off.js";
import type { Counters } from "./counters.js";
import { dial, DialedSession, originOf } from "./dial.js";
import { checkHello, helloFrame, readRefusal, refusalFrame } from "./handshake.js";
import { hangUp, hungUp } from "./hang-up.js";
import { keepAlive } from "./keep-alive.js";
import { Lanes } from "./lanes.js";
import type { LimitedLog } from "./limited-log.js";
import { frameTargetBytes, windowBytes, type ReplicaTransportSettings } from "./options.js";
import { OutgoingFrames } from "./outgoing-frames.js";
import type { RefusalNotices } from "./refusal-notices.js";

/** What all connections of one transport share. */
export interface PeerLinkage {
  readonly context: TransportContext;
  readonly settings: ReplicaTransportSettings;
  readonly counters: Counters;
  readonly log: LimitedLog;
  readonly notices: RefusalNotices;
}

/** The frames that a callee answers with are a Hello, a refusal, or empty. */
const answerMaxBytes = 64 * 1024;

/** Sends this node's messages to one peer: dials, shakes hands, streams, and does so again for ever. */
export class PeerConnection {
  readonly #lanes: Lanes;
  readonly #backOff: BackOff;
  readonly #closing = new AbortController();
  #frames: OutgoingFrames | undefined;
  #downSince: number | undefined = performance.now();
  #lossTold = false;
  #retryNow: () => void = () => undefined;
  readonly #running: Promise<void>;

  constructor(
    private readonly peer: PeerAddress,
    private readonly linkage: PeerLinkage,
  ) {
    this.#lanes = new Lanes(linkage.settings.lanes);
    this.#backOff = new BackOff(linkage.settings.backOff);
    this.#running = this.#run();
  }

  /** Queues a message, or drops and counts it. */
  send(message: Message): void {
    const { counters, log, settings } = this.linkage;
    if (this.#dropsUnsent()) {
      counters.add("dropped_disconnected");
      return;
    }
    const bytes = encodeMessage(message);
    if (bytes.length > settings.maxMessageBytes) {
      counters.add("dropped_too_large");
      log.warn(
        "too_large",
        `dropped a message (${message.type.case}) of ${bytes.length} bytes to node ${this.peer.nodeId}: the limit is ${settings.maxMessageBytes}`,
      );
      return;
    }
    const lane = message.type.case === "catchUpAnswer" ? "bulk" : "control";
    if (this.#lanes.push(lane, bytes)) this.#frames?.wake();
    else counters.add(lane === "bulk" ? "dropped_bulk_full" : "dropped_control_full");
  }

  /** Ends the pause between two attempts: the peer has just been heard. */
  hurry(): void {
    this.#retryNow();
  }

  /** Closes the connection. Resolves when nothing is left open. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const ended = await this.#connect();
      if (signal.aborted) return;
      this.#downSince ??= performance.now();
      if (ended.reason !== undefined && !this.#lossTold) {
        this.#lossTold = true;
        this.linkage.context.onDisconnected(this.peer, ended.reason);
      }
      await this.#pause(this.#backOff.next());
    }
  }

  /** One connection, from dialling to its end. Resolves with why it ended; without a reason when that was told as a refusal. */
  async #connect(): Promise<{ reason?: string }> {
    const { settings } = this.linkage;
    let session: ClientHttp2Session;
    try {
      session = await dial(this.peer.address, {
        timeoutMs: settings.connectTimeoutMs,
        windowBytes,
        signal: this.#closing.signal,
      });
    } catch (error) {
      return { reason: describe(error) };
    }
    if (session.destroyed || this.#closing.signal.aborted) {
      await hungUp(session);
      return { reason: "the connection was lost" };
    }
    const ended = new AbortController();
    let cause: Error | undefined;
    session.on("error", (error: Error) => (cause ??= error));
    session.once("close", () => ended.abort(new Error("the connection was closed")));
    const onClosing = (): void => hangUp(session);
    this.#closing.signal.addEventListener("abort", onClosing);
    try {
      return await this.#exchange(session, ended.signal);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      return { reason: describe(cause ?? error) };
    } finally {
      this.#frames?.end();
      this.#frames = undefined;
      this.#closing.signal.removeEventListener("abort", onClosing);
      await hungUp(session);
    }
  }

  async #exchange(session: ClientHttp2Session, signal: AbortSignal): Promise<{ reason?: string }> {
    const { context, settings, counters, log, notices } = this.linkage;
    const frames = new OutgoingFrames(
      helloFrame(context.identity, this.peer.nodeId),
      this.#lanes,
      frameTargetBytes,
    );
    keepAlive(session, settings.keepAlive, () => frames.bytesInFlight);
    const timer = setTimeout(
      () => hangUp(session, new Error(`no handshake within ${settings.connectTimeoutMs} ms`)),
      settings.connectTimeoutMs,
    );
    signal.addEventListener("abort", () => clearTimeout(timer));
    const answers = exchangeOn(session, this.peer.address, frames, signal)[Symbol.asyncIterator]();
    const first = await answers.next();
    clearTimeout(timer);
    const frame = first.done === true ? undefined : first.value;
    if (frame?.refusal !== undefined) {
      notices.refused(this.peer, readRefusal(frame.refusal));
      return {};
    }
    const check = checkHello(frame, context, this.peer.nodeId);
    if ("refusal" in check) {
      counters.add(`refused_${check.refusal.reason}`);
      log.warn(
        `refused_${check.refusal.reason}`,
        `refused what answers at ${this.peer.address}: ${check.refusal.detail}`,
      );
      frames.endWith(refusalFrame(check.refusal));
      // The callee ends the stream when it has read the refusal; a callee that does not is cut off by the timer.
      const last = setTimeout(() => hangUp(session), settings.connectTimeoutMs);
      await answers.next().catch(() => undefined);
      clearTimeout(last);
      return { reason: `refused: ${check.refusal.detail}` };
    }
    this.#connected(frames);
    for (;;) {
      const answer = await answers.next();
      if (answer.done === true) return { reason: "the peer ended the connection" };
      if (answer.value.refusal === undefined) continue;
      const refusal = readRefusal(answer.value.refusal);
      notices.refused(this.peer, refusal);
      return { reason: `refused: ${refusal.detail}` };
    }
  }

  /** Whether the peer has been away for so long that messages to it are dropped. Drops those that still wait. */
  #dropsUnsent(): boolean {
    const { settings, counters } = this.linkage;
    if (this.#downSince === undefined || performance.now() - this.#downSince <= settings.keepUnsentMs)
      return false;
    counters.add("dropped_disconnected", this.#lanes.clear());
    return true;
  }

  #connected(frames: OutgoingFrames): void {
    this.#dropsUnsent();
    this.#frames = frames;
    this.#downSince = undefined;
    this.#lossTold = false;
    this.#backOff.reset();
    this.linkage.notices.connected(this.peer);
    this.linkage.context.onConnected(this.peer);
    frames.open();
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const goOn = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", goOn);
        this.#retryNow = () => undefined;
        resolve();
      };
      const timer = setTimeout(goOn, ms);
      signal.addEventListener("abort", goOn);
      this.#retryNow = goOn;
    });
  }
}

function exchangeOn(
  session: ClientHttp2Session,
  address: string,
  frames: OutgoingFrames,
  signal: AbortSignal,
): AsyncIterable<PeerFrame> {
  const transport = createConnectTransport({
    baseUrl: originOf(address),
    httpVersion: "2",
    sessionManager: new DialedSession(address, () => Promise.resolve(session)),
    acceptCompression: [],
    readMaxBytes: answerMaxBytes,
  });
  return createClient(PeerService, transport).exchange(frames, { signal });
}

function describe(error: unknown): string {
  if (error instanceof ConnectError) return error.rawMessage;
  return error instanceof Error ? error.message : String(error);
}
