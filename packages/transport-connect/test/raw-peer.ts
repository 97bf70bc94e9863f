import { create } from "@bufbuild/protobuf";
import { createClient, createConnectRouter } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { HelloSchema, PeerFrameSchema, PeerService, type Hello, type PeerFrame } from "@paxos/proto";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { requestListener } from "../src/request-listener.js";
import { clusterId } from "./endpoint.js";

/** A Hello as a well-behaved node 1 says it to node 0, but for what a test changes. */
export function hello(
  changes: Partial<Pick<Hello, "protocolVersion" | "clusterId" | "nodeId" | "to">> = {},
): PeerFrame {
  const value = create(HelloSchema, {
    protocolVersion: 1,
    clusterId,
    nodeId: 1n,
    storeId: 101n,
    to: 0n,
    ...changes,
  });
  return create(PeerFrameSchema, { hello: value });
}

/** A frame of messages, given as bytes that need not be messages. */
export function messages(...bytes: Uint8Array[]): PeerFrame {
  return create(PeerFrameSchema, { messages: bytes });
}

/** A caller that says exactly what it is told, and keeps the stream open. */
export class RawCaller {
  readonly answers: PeerFrame[] = [];
  /** Set when the stream has ended, however it did. */
  ended = false;
  readonly #waiting: PeerFrame[] = [];
  readonly #abort = new AbortController();
  #wake: () => void = () => undefined;
  #done: Promise<void> | undefined;

  constructor(address: string) {
    const transport = createConnectTransport({ baseUrl: `http://${address}`, httpVersion: "2" });
    this.#done = this.#run(
      createClient(PeerService, transport).exchange(this.#frames(), { signal: this.#abort.signal }),
    );
  }

  say(...frames: PeerFrame[]): void {
    this.#waiting.push(...frames);
    this.#wake();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    await this.#done;
  }

  async *#frames(): AsyncGenerator<PeerFrame> {
    while (!this.#abort.signal.aborted) {
      const frame = this.#waiting.shift();
      if (frame !== undefined) yield frame;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async #run(answers: AsyncIterable<PeerFrame>): Promise<void> {
    try {
      for await (const answer of answers) this.answers.push(answer);
    } catch {
      // Tests ask whether the stream has ended, not how.
    }
    this.ended = true;
    this.#abort.abort();
    this.#wake();
  }
}

/** A callee that answers every caller with one frame and keeps what it hears. */
export class RawCallee {
  readonly heard: PeerFrame[] = [];
  readonly #server: Http2Server;

  static async start(answer: PeerFrame): Promise<RawCallee> {
    const callee = new RawCallee(answer);
    await new Promise<void>((resolve) => callee.#server.listen(0, "127.0.0.1", resolve));
    return callee;
  }

  private constructor(answer: PeerFrame) {
    const { heard } = this;
    const router = createConnectRouter().service(PeerService, {
      async *exchange(frames) {
        yield answer;
        try {
          for await (const frame of frames) heard.push(frame);
        } catch {
          // The caller hung up.
        }
      },
    });
    this.#server = createServer();
    this.#server.on("request", requestListener(router));
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** To be called when its callers are closed. */
  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
