import { create } from "@bufbuild/protobuf";
import type { ClientHandler, Identity } from "@paxos/core";
import { HandshakeRefusalReason, HandshakeRefusalSchema, type Frame, type Hello } from "@paxos/proto";
import { cutOff, requestFrameBytes, type PeerReceiver } from "@paxos/transport-kit";
import { ClientSession } from "./client-session.js";
import type { Faults, TcpCounter } from "./counters.js";
import { encodeFrame } from "./frame.js";
import type { FrameFault } from "./frame-decoder.js";
import { unexpectedFields, type FrameField } from "./frame-fields.js";
import type { Conversation } from "./frame-intake.js";
import { messageFrameBytes, shortFrameBytes } from "./frame-limits.js";
import type { Link } from "./link.js";
import type { Pings } from "./pings.js";

/** The version of the protocol between clients and nodes. */
export const clientProtocolVersion = 1;

/** What accepted connections share. */
export interface Host {
  readonly identity: Identity;
  readonly receiver: PeerReceiver;
  readonly handler: ClientHandler;
  readonly faults: Faults;
  readonly maxMessageBytes: number;
  readonly maxRequestBytes: number;
}

/** A connection as its accepting side sees it. */
export interface AcceptedLink extends Link {
  readonly pings: Pings;
  /** To be called when the conversation has become ready again. */
  goOn(): void;
}

const fromPeers: ReadonlySet<FrameField> = new Set(["messages", "refusal", "ping", "pong"]);
const fromClients: ReadonlySet<FrameField> = new Set(["updates", "calls", "ping", "pong"]);

type Speaker =
  | { readonly kind: "unknown" }
  | { readonly kind: "peer"; readonly nodeId: number }
  | { readonly kind: "client"; readonly session: ClientSession };

/**
 * The accepting side of a connection. The first frame says who speaks: a peer, or a client. Whatever else comes than what they
 * may say ends this one connection, and is counted.
 */
export class AcceptedConnection implements Conversation {
  #speaker: Speaker = { kind: "unknown" };

  constructor(
    private readonly link: AcceptedLink,
    private readonly host: Host,
    /** Told when the handshake has succeeded. */
    private readonly onGreeted: () => void,
  ) {
    link.onClose(() => {
      if (this.#speaker.kind === "client") this.#speaker.session.close();
    });
  }

  get frameLimit(): number {
    switch (this.#speaker.kind) {
      case "unknown":
        return shortFrameBytes;
      case "peer":
        return messageFrameBytes(this.host.maxMessageBytes);
      case "client":
        return requestFrameBytes(this.host.maxRequestBytes);
    }
  }

  get ready(): boolean {
    return this.#speaker.kind !== "client" || (!this.link.congested && this.#speaker.session.ready);
  }

  onFrame(frame: Frame): void {
    switch (this.#speaker.kind) {
      case "unknown":
        return this.#greet(frame);
      case "peer":
        return this.#fromPeer(this.#speaker.nodeId, frame);
      case "client":
        return this.#fromClient(this.#speaker.session, frame);
    }
  }

  onFault(_fault: FrameFault, detail: string): void {
    this.#cutOff("closed_undecodable", detail);
  }

  /** Who dies may do so in the middle of a frame: that is worth a count, but no word. */
  onEnd(truncated: boolean): void {
    if (truncated) this.host.faults.counters.add("closed_truncated");
  }

  onWritable(): void {
    if (this.#speaker.kind === "client") this.#speaker.session.onWritable();
  }

  /** To be called when the time for the handshake is over. */
  onLate(): void {
    if (this.#speaker.kind === "unknown" && !this.link.ended)
      this.#cutOff("closed_no_handshake", "it did not say in time who it is");
  }

  #greet(frame: Frame): void {
    const { clientHello } = frame;
    const first = clientHello === undefined ? "hello" : "clientHello";
    const others = unexpectedFields(frame, new Set([first]));
    // Who says no Hello at all is told so; a Hello that is not alone is from nobody that could make use of an answer.
    if (others !== undefined && (clientHello !== undefined || frame.hello !== undefined)) {
      return this.#cutOff("closed_unexpected_frame", `the first frame has ${others} beside ${first}`);
    }
    if (clientHello === undefined) this.#greetPeer(frame.hello);
    else this.#greetClient(clientHello.protocolVersion);
  }

  #greetPeer(hello: Hello | undefined): void {
    const { link, host } = this;
    const answer = host.receiver.greet({ hello }, link);
    if (answer.from === undefined) return link.finish(encodeFrame({ refusal: answer.refusal }));
    link.send(encodeFrame({ hello: answer.hello }));
    this.#speaker = { kind: "peer", nodeId: answer.from };
    this.onGreeted();
    host.receiver.admit(answer.from, link);
  }

  #greetClient(version: number): void {
    const { link, host } = this;
    if (version !== clientProtocolVersion) {
      const detail = `the client speaks version ${version} of the protocol between clients and nodes, this node version ${clientProtocolVersion}; run releases that speak the same version`;
      host.faults.counters.add("refused_protocol_version");
      host.faults.log.warn("refused_client_version", `refused a client from ${link.remote}: ${detail}`);
      const reason = HandshakeRefusalReason.PROTOCOL_VERSION;
      return link.finish(encodeFrame({ refusal: create(HandshakeRefusalSchema, { reason, detail }) }));
    }
    const { nodeId, clusterId } = host.identity;
    const serverHello = {
      protocolVersion: clientProtocolVersion,
      nodeId: BigInt(nodeId),
      clusterId,
      maxRequestBytes: host.maxRequestBytes,
    };
    link.send(encodeFrame({ serverHello }));
    this.#speaker = { kind: "client", session: new ClientSession(link, host) };
    this.onGreeted();
  }

  #fromPeer(nodeId: number, frame: Frame): void {
    const { link, host } = this;
    const unexpected = unexpectedFields(frame, fromPeers);
    if (unexpected !== undefined) return this.#unexpected("a peer", unexpected);
    link.pings.take(frame);
    if (!host.receiver.receive(nodeId, frame, link)) link.hangUp();
  }

  #fromClient(session: ClientSession, frame: Frame): void {
    const unexpected = unexpectedFields(frame, fromClients);
    if (unexpected !== undefined) return this.#unexpected("a client", unexpected);
    this.link.pings.take(frame);
    const fault = session.take(frame);
    if (fault !== undefined) this.#cutOff("closed_unexpected_frame", fault);
  }

  #unexpected(speaker: string, fields: string): void {
    this.#cutOff("closed_unexpected_frame", `${speaker} does not say ${fields} here`);
  }

  #cutOff(counter: TcpCounter | "closed_undecodable", why: string): void {
    cutOff(this.link, this.host.faults, counter, why);
  }
}
