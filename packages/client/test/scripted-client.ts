// A client on virtual time whose servers answer what the test says.
import type { Logger } from "@paxos/core";
import { connect, SubmitError, type Client, type ConnectOptions, type Ordered } from "../src/index.js";
import { ScriptedTransport, type Call } from "./scripted-transport.js";
import { VirtualTime, virtualEnvironment } from "./virtual-time.js";

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export class ScriptedClient {
  readonly time = new VirtualTime();
  readonly transport = new ScriptedTransport();
  readonly lines: string[] = [];
  readonly client: Client;

  constructor({
    servers = ["a:1"],
    random = () => 0,
    sessionWindow = 1024,
    verbose = false,
    ...options
  }: Partial<ConnectOptions> & { random?: () => number; sessionWindow?: number; verbose?: boolean } = {}) {
    const say = (line: string): void => {
      this.lines.push(line);
    };
    const logger: Logger = { verbose, debug: say, info: say, warn: say, error: say };
    const environment = virtualEnvironment(this.time, random, sessionWindow);
    this.client = connect({ servers, transport: this.transport, logger, environment, ...options });
  }

  /** Registers the client, so that updates are sent at once. The session's id is 7. */
  async register(): Promise<void> {
    const submitting = this.submit("registers");
    await this.time.pass(0);
    const [registration] = this.take();
    registration?.answer(7);
    await this.time.pass(0);
    this.take()[0]?.answer(8);
    await submitting;
  }

  /** Submits; what becomes of it is an error as well as an answer. */
  submit(text: string, options?: Parameters<Client["submit"]>[1]): Promise<Ordered | SubmitError> {
    return this.client.submit(bytes(text), options).catch((error: unknown) => {
      if (error instanceof SubmitError) return error;
      throw error;
    });
  }

  /** The requests made since this was last called. */
  take(): Call[] {
    return this.transport.calls.splice(0);
  }
}

/** What a promise has settled with, or "open". */
export function now<T>(promise: Promise<T>): Promise<T | "open"> {
  return Promise.race([promise, new Promise<"open">((resolve) => setImmediate(() => resolve("open")))]);
}
