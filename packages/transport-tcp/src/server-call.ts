import type { RequestError } from "@paxos/core";
import type { Frame } from "@paxos/proto";
import {
  closedError,
  describeError,
  keepAlive,
  noAnswerError,
  oncePerTurn,
  oneLine,
  PendingUpdates,
  type ClientTransportSettings,
} from "@paxos/transport-kit";
import { clientProtocolVersion } from "./accepted-connection.js";
import { CallClient } from "./call-client.js";
import { dial } from "./dial.js";
import { encodeFrame, encodeUpdates } from "./frame.js";
import type { FrameFault } from "./frame-decoder.js";
import { unexpectedFields, type FrameField } from "./frame-fields.js";
import type { Conversation } from "./frame-intake.js";
import { answerFrameBytes, shortFrameBytes } from "./frame-limits.js";
import type { FrameSocket } from "./frame-socket.js";

const greetings: ReadonlySet<FrameField> = new Set(["serverHello", "refusal"]);
const fromServers: ReadonlySet<FrameField> = new Set(["answers", "replies", "refusal", "ping", "pong"]);

/**
 * One connection of a client, from dialling to its end. What is asked on it before it is made waits; what is under way when it
 * ends fails.
 */
export class ServerCall implements Conversation {
  readonly calls: CallClient;
  /** The server sends no more than is asked for, and must be heard: its pings, and the answers to ours. */
  readonly ready = true;
  /** Resolves when nothing of the connection is left open. */
  readonly ended: Promise<void>;
  /** What is pending in updates and queries. */
  readonly updates: PendingUpdates;
  readonly #flushSoon = oncePerTurn(() => this.onWritable());
  /** Asked for before the handshake was done. */
  #early: Uint8Array[] = [];
  #link: FrameSocket | undefined;
  #greeted = false;
  #lost: RequestError | undefined;

  constructor(
    private readonly address: string,
    private readonly settings: ClientTransportSettings,
    private readonly closing: AbortSignal,
    /** Told when it can be used no more, before those who wait for answers are: they may call again at once. */
    private readonly onLost: () => void,
  ) {
    const { maxRequestBytes } = settings;
    this.updates = new PendingUpdates(address, this.#flushSoon, { maxRequestBytes });
    this.calls = new CallClient(
      address,
      (call) => this.#send(encodeFrame({ calls: [call] })),
      (why) => this.#hangUp(why),
    );
    this.ended = this.#run();
  }

  get frameLimit(): number {
    return this.#greeted ? answerFrameBytes : shortFrameBytes;
  }

  onFrame(frame: Frame): void {
    const unexpected = unexpectedFields(frame, this.#greeted ? fromServers : greetings);
    if (unexpected !== undefined)
      return this.#hangUp(`it says ${unexpected}, which a server does not say here`);
    if (frame.refusal !== undefined) return this.#hangUp(`refused: ${oneLine(frame.refusal.detail)}`);
    if (!this.#greeted) return this.#onGreeting(frame);
    this.#link?.pings.take(frame);
    if (frame.answers !== undefined) this.updates.answered(frame.answers);
    this.calls.replied(frame.replies);
  }

  onFault(_fault: FrameFault, detail: string): void {
    this.#hangUp(`it sent ${detail}`);
  }

  onEnd(): void {
    this.#lose("the server ended the connection");
  }

  /** All updates and queries of one turn of the event loop leave together, as far as the server has room for them. */
  onWritable(): void {
    while (this.#greeted && this.#link?.ended === false && this.#link.writable) {
      const batch = this.updates.takeBatch();
      if (batch === undefined) return;
      this.#link.sendNow(encodeUpdates(batch));
    }
  }

  async #run(): Promise<void> {
    const { connectTimeoutMs: timeoutMs } = this.settings;
    try {
      const link = await dial(this.address, {
        timeoutMs,
        lingerMs: timeoutMs,
        signal: this.closing,
      });
      await this.#converse(link, timeoutMs);
    } catch (error) {
      this.#lose(describeError(error));
    }
  }

  /** Resolves when the connection is gone. */
  #converse(link: FrameSocket, timeoutMs: number): Promise<void> {
    this.#link = link;
    const onClosing = (): void => link.hangUp();
    this.closing.addEventListener("abort", onClosing);
    if (this.closing.aborted) onClosing();
    const timer = setTimeout(() => {
      if (!this.#greeted) this.#hangUp(`no handshake within ${timeoutMs} ms`);
    }, timeoutMs);
    link.carry(this);
    link.sendNow(encodeFrame({ clientHello: { protocolVersion: clientProtocolVersion } }));
    return new Promise((resolve) => {
      link.onClose(() => {
        clearTimeout(timer);
        this.closing.removeEventListener("abort", onClosing);
        this.#lose(link.error === undefined ? "the connection was closed" : describeError(link.error));
        resolve();
      });
    });
  }

  #onGreeting({ serverHello }: Frame): void {
    const version = serverHello?.protocolVersion;
    if (serverHello === undefined || version !== clientProtocolVersion) {
      return this.#hangUp(
        version === undefined
          ? "its first frame is no ServerHello; correct the address"
          : `it speaks version ${version} of the protocol between clients and nodes, this program version ${clientProtocolVersion}; run releases that speak the same version`,
      );
    }
    const link = this.#link;
    if (link === undefined) return;
    this.#greeted = true;
    if (serverHello.maxRequestBytes > 0) this.updates.restrict(serverHello.maxRequestBytes);
    keepAlive(link, this.settings.keepAlive, () => link.bytesAhead);
    for (const frame of this.#early) link.send(frame);
    this.#early = [];
    this.#flushSoon();
  }

  #send(frame: Uint8Array): void {
    if (this.#lost !== undefined) return;
    if (this.#greeted) this.#link?.send(frame);
    else this.#early.push(frame);
  }

  #hangUp(why: string): void {
    this.#lose(why);
    this.#link?.hangUp();
  }

  #lose(why: string): void {
    if (this.#lost !== undefined) return;
    const error = (): RequestError =>
      this.closing.aborted ? closedError() : noAnswerError(this.address, why);
    this.#lost = error();
    this.#early = [];
    this.onLost();
    this.updates.lost(this.#lost);
    this.calls.lost(error);
  }
}
