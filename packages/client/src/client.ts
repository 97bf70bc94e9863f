import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import { LogRequestSchema, type LogResponse } from "@paxos/proto";
import { settingsOf, type ConnectOptions, type Settings } from "./options.js";
import { requestErrorOf, Servers, type ServerStatus } from "./servers.js";
import type { Ordered, SubmitOptions } from "./submission.js";
import { Submitter } from "./submitter.js";

/** How a log is read. */
export interface LogOptions {
  /** The first seq wanted: a whole number from 1 to 2^53 - 1. Default 1. */
  readonly from?: number;
  /** Go on as updates are ordered, instead of ending where the server's log ends now. Default false. */
  readonly follow?: boolean;
  /** The address of the server to ask, one of those of `connect`. Default: the first that answers. */
  readonly server?: string;
  /** Ends it, with a RequestError. */
  readonly signal?: AbortSignal;
}

/**
 * Makes a client of the cluster. Nobody is called before something is asked for, and it does not matter which servers
 * are up.
 * @throws ConfigError when an option is out of bounds.
 */
export function connect(options: ConnectOptions): Client {
  return new Client(settingsOf(options));
}

/** A client of a cluster: has updates ordered, each executed at most once whatever fails on the way. */
export class Client {
  readonly #settings: Settings;
  readonly #servers: Servers;
  readonly #submitter: Submitter;
  readonly #requests = new Set<AbortController>();
  #closing: Promise<void> | undefined;

  /** @internal Use {@link connect}. */
  constructor(settings: Settings) {
    this.#settings = settings;
    this.#servers = new Servers(settings);
    this.#submitter = new Submitter({ ...settings, servers: this.#servers }, settings);
  }

  /**
   * Has an update ordered and executed by the replicated state machine. Any number may be under way. The array
   * must not be changed before the promise settles.
   *
   * Rejects with a {@link SubmitError}, at the deadline at the latest, whose `outcome` says whether the update may have
   * been executed.
   */
  submit(update: Uint8Array, options: SubmitOptions = {}): Promise<Ordered> {
    return this.#submitter.submit(update, options);
  }

  /** Asks every server for its status, all at once, and waits up to 2 s for each. Never rejects. */
  async status(options: { readonly signal?: AbortSignal } = {}): Promise<ServerStatus[]> {
    const request = this.#request(options.signal);
    try {
      return await this.#servers.statuses(request.signal);
    } finally {
      request.end();
    }
  }

  /**
   * Reads the ordered log of one server, in pieces. When it breaks off, with a RequestError, it can be taken up
   * again at the seq after the last one had, from another server too.
   */
  async *log(options: LogOptions = {}): AsyncGenerator<LogResponse, void, undefined> {
    const { from = 1, follow = false, server } = options;
    if (!Number.isSafeInteger(from) || from < 1)
      throw new RequestError("invalid", `from is ${from}; it must be a whole number from 1 on`);
    if (server !== undefined && !this.#settings.servers.includes(server))
      throw new RequestError(
        "invalid",
        `${server} is none of the servers: ${this.#settings.servers.join(", ")}`,
      );
    const request = this.#request(options.signal);
    try {
      const address = server ?? (await this.#servers.firstThatAnswers(request.signal));
      const wanted = create(LogRequestSchema, { fromSeq: BigInt(from), follow });
      yield* this.#settings.transport.log(address, wanted, request.signal);
    } catch (error) {
      throw requestErrorOf(error);
    } finally {
      request.end();
    }
  }

  /**
   * Closes the client and its transport. Updates that are open reject: as rejected those that were not sent, as unknown
   * the others. Resolves when nothing is left open. May be called twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#submitter.close();
    this.#servers.close();
    for (const request of this.#requests) request.abort();
    await this.#settings.transport.close();
  }

  /** A signal that follows the caller's and the client's own. */
  #request(outer: AbortSignal | undefined): { readonly signal: AbortSignal; readonly end: () => void } {
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(outer?.reason);
    if (outer?.aborted === true || this.#closing !== undefined) onAbort();
    outer?.addEventListener("abort", onAbort);
    this.#requests.add(controller);
    const end = (): void => {
      outer?.removeEventListener("abort", onAbort);
      this.#requests.delete(controller);
    };
    return { signal: controller.signal, end };
  }
}
