import { afterEach, expect, test } from "@jest/globals";
import fc from "fast-check";
import { connect, type Socket } from "node:net";
import { checkAnswers, steps } from "../fuzz/answers.js";
import { check } from "../fuzz/check.js";
import { inputs, type Input } from "../fuzz/conversation.js";
import { readFoundInputs } from "../fuzz/found-inputs.js";
import { TcpClientTransport } from "../src/index.js";
import { accept, Closables, freePort, handlerOf, until, update } from "./endpoint.js";

const open = new Closables();
afterEach(() => open.close());

// The same inputs each time; `pnpm run fuzz` looks at others, and at more.
const seed = 20_261_123;

test("an accepted connection copes with whatever comes", () => {
  fc.assert(fc.property(inputs, check), { seed, numRuns: 2000 });
});

test("a client is told what the handler answers, and when it should be", async () => {
  await fc.assert(fc.asyncProperty(steps, checkAnswers), { seed, numRuns: 300 });
});

test("inputs that found something find nothing any more", () => {
  for (const { input } of readFoundInputs()) check(input);
});

/** A caller that says its piece, all at once or chunk by chunk, and keeps the line open unless its input ends. */
class HostileCaller {
  readonly #socket: Socket;
  closed = false;

  constructor(port: number, input: Input) {
    this.#socket = connect({ port, host: "127.0.0.1" });
    this.#socket.on("error", () => undefined).on("close", () => (this.closed = true));
    void this.#say(input);
  }

  async #say({ chunks, ends }: Input): Promise<void> {
    for (const chunk of chunks.slice(0, 50)) {
      if (this.#socket.destroyed) return;
      this.#socket.write(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#socket.write(Buffer.concat(chunks.slice(50)));
    if (ends) this.#socket.end();
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}

test("under hundreds of hostile callers a node goes on serving good ones", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  // The hostile ones say that they are node 1; the good peer is node 2.
  const transport = { connectTimeoutMs: 500, keepAlive: { intervalMs: 200, timeoutMs: 5000 } };
  const peers = [
    { nodeId: 1, address: "127.0.0.1:9" },
    { nodeId: 2, address },
  ];
  const node = await open.start({ nodeId: 0, peers, handler: handlerOf(), transport });
  const peer = await open.start({ nodeId: 2, address, peers: [{ nodeId: 0, address: node.address }] });
  const client = open.add(new TcpClientTransport());
  await until(() => peer.connected.length === 1, "the peer is connected");

  const samples = fc.sample(inputs, { seed, numRuns: 300 });
  const callers = samples.map((input) => open.add(new HostileCaller(node.port, input)));
  const { signal } = new AbortController();
  let sent = 0;
  do {
    sent++;
    peer.transport.send(accept(0, sent));
    expect((await client.clientUpdate(node.address, update(sent), signal)).seq).toBe(BigInt(sent));
  } while (callers.some(({ closed }) => !closed) && sent < 200);
  await until(
    () => node.received.filter(({ from }) => from === 2).length === sent,
    "all of the peer's messages",
  );

  // Those that said nothing wrong may stay, as a client or a peer that has nothing to say.
  const wrong = Object.keys(node.counts).filter((name) => /^(closed|refused)_/.test(name));
  expect(wrong).toEqual(expect.arrayContaining(["closed_undecodable", "closed_unexpected_frame"]));
  expect(peer.disconnected).toEqual([]);
  expect(node.transport.counters()).toMatchObject({ failed_client_requests: 0 });
});
