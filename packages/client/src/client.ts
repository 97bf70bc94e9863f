import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import {
  LogRequestSchema,
  type BackupPiece,
  type ChangeMembershipResponse,
  type LogResponse,
  type MembersResponse,
  type TakeSnapshotResponse,
} from "@paxos/proto";
import { requestErrorOf } from "./asking.js";
import { askLeader, type LeaderTask } from "./leader-request.js";
import {
  changeTask,
  transferTask,
  type LeadershipTransfer,
  type MembershipChangeInit,
} from "./leader-tasks.js";
import { Reader } from "./reader.js";
import type { ReadAnswer, ReadOptions } from "./reading.js";
import { settingsOf, type ConnectOptions, type Settings } from "./options.js";
import { Servers, type ServerStatus } from "./servers.js";
import type { Ordered, SubmitOptions } from "./submission.js";
import { Submitter } from "./submitter.js";
import { wholeBackup } from "./whole-backup.js";

/** How a log is read. */
export interface LogOptions {
  /** The first seq wanted: a whole number from 1 to 2^53 - 1. Default 1. */
  readonly from?: number;
  /** Go on as updates are ordered, instead of ending where the server's log ends now. Default false. */
  readonly follow?: boolean;
  /** The address of the server to ask, one of those of `connect`, or of a member learnt since. Default: the first that answers. */
  readonly server?: string;
  /** Ends it, with a RequestError. */
  readonly signal?: AbortSignal;
}

/** Which server takes a snapshot. */
export interface SnapshotOptions {
  /** Its address: one of those of `connect`, or of a member learnt since. */
  readonly server: string;
  /** Ends the wait, with a RequestError. The snapshot may be taken all the same. */
  readonly signal?: AbortSignal;
}

/** How a backup is read. */
export interface BackupOptions {
  /** The address of the server to ask, one of those of `connect`, or of a member learnt since. Default: the first that answers. */
  readonly server?: string;
  /** Ends it, with a RequestError. */
  readonly signal?: AbortSignal;
}

/** How long something is waited for. */
export interface WaitOptions {
  /** Ends the wait, with a RequestError. Default: it lasts until the client is closed. */
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
  readonly #reader: Reader;
  readonly #requests = new Set<AbortController>();
  #closing: Promise<void> | undefined;

  /** @internal Use {@link connect}. */
  constructor(settings: Settings) {
    this.#settings = settings;
    this.#servers = new Servers(settings);
    this.#reader = new Reader({ ...settings, servers: this.#servers });
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

  /**
   * Asks the state machine something that changes nothing: no save, no place in the order. Any number may be under way. The array must
   * not be changed before the promise settles.
   *
   * Rejects with a RequestError: `timed_out` at the deadline at the latest; `invalid` when the state machine cannot answer.
   */
  read(query: Uint8Array, options: ReadOptions = {}): Promise<ReadAnswer> {
    const unknown = options.server === undefined ? undefined : this.#unknownServer(options.server);
    if (unknown !== undefined) return Promise.reject(unknown);
    return this.#reader.read(query, options);
  }

  /**
   * Asks every server for its status, all at once, and waits up to 2 s for each; then those that the cluster names as members besides, in
   * the same way. Never rejects.
   */
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
    const { from = 1, follow = false } = options;
    if (!Number.isSafeInteger(from) || from < 1)
      throw new RequestError("invalid", `from is ${from}; it must be a whole number from 1 on`);
    const wanted = create(LogRequestSchema, { fromSeq: BigInt(from), follow });
    const { transport } = this.#settings;
    yield* this.#read(options, (address, signal) => transport.log(address, wanted, signal));
  }

  /**
   * Has one server take a snapshot of its state machine now, and drop what it then need not keep of its log. That may take as
   * long as the state is large. Rejects with a RequestError: `invalid` when the state machine gives no snapshots.
   */
  async takeSnapshot({ server, signal }: SnapshotOptions): Promise<TakeSnapshotResponse> {
    this.#requireKnown(server);
    const request = this.#request(signal);
    try {
      return await this.#settings.transport.takeSnapshot(server, request.signal);
    } catch (error) {
      throw requestErrorOf(error);
    } finally {
      request.end();
    }
  }

  /**
   * Copies the state of one server, as it is now, piece by piece: has it take a snapshot, and reads that. Who has got to its end
   * has all of it, unchanged. When it breaks off, with a RequestError, the pieces are of no use.
   */
  async *backup(options: BackupOptions = {}): AsyncGenerator<BackupPiece, void, undefined> {
    const { transport } = this.#settings;
    yield* this.#read(options, (address, signal) => wholeBackup(transport.backup(address, signal), address));
  }

  /**
   * Who belongs to the cluster, as the leader says; if it is not reached within 2 s, as the server says that knows the latest epoch. Rejects
   * with a RequestError when no server answers.
   */
  async members({ signal }: WaitOptions = {}): Promise<MembersResponse> {
    const request = this.#request(signal);
    try {
      return (await this.#servers.members(request.signal)).members;
    } finally {
      request.end();
    }
  }

  /**
   * Changes the membership, once. Finds the leader, and tries again when that is lost, until the signal is aborted. Resolves when the epoch
   * that the change makes has begun. Rejects with a RequestError: `invalid`, `refused`, or `not_leader` when no leader was found in time, and
   * nothing has changed; any other code: it may have been made, or may yet be. To ask again with the same `changeId` is safe as long as no
   * other change has been made.
   */
  async changeMembership(
    change: MembershipChangeInit,
    { signal }: WaitOptions = {},
  ): Promise<ChangeMembershipResponse> {
    const { transport, environment } = this.#settings;
    const answer = await this.#askLeader(
      changeTask(transport, change, () => environment.clientId()),
      signal,
    );
    if (answer.epochRecord !== undefined) this.#servers.changed(answer.epochRecord);
    return answer;
  }

  /**
   * Hands the leadership over to the voter with this id, or to the one that is fittest. Finds the leader, and tries again when that is lost,
   * until the signal is aborted. Rejects with a RequestError, as {@link changeMembership} does.
   */
  async transferLeadership(to?: bigint, { signal }: WaitOptions = {}): Promise<LeadershipTransfer> {
    return this.#askLeader(transferTask(this.#settings.transport, to), signal);
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
    this.#reader.close();
    this.#servers.close();
    for (const request of this.#requests) request.abort();
    await this.#settings.transport.close();
  }

  async #askLeader<T>(task: LeaderTask<T>, signal: AbortSignal | undefined): Promise<T> {
    const { environment } = this.#settings;
    const request = this.#request(signal);
    try {
      return await askLeader({ servers: this.#servers, environment }, task, request.signal);
    } finally {
      request.end();
    }
  }

  /** Reads a stream from the server that is named, or else from the first that answers. */
  async *#read<T>(
    { server, signal }: Pick<LogOptions, "server" | "signal">,
    open: (address: string, signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    if (server !== undefined) this.#requireKnown(server);
    const request = this.#request(signal);
    try {
      yield* open(server ?? (await this.#servers.firstThatAnswers(request.signal)), request.signal);
    } catch (error) {
      throw requestErrorOf(error);
    } finally {
      request.end();
    }
  }

  #requireKnown(server: string): void {
    const unknown = this.#unknownServer(server);
    if (unknown !== undefined) throw unknown;
  }

  #unknownServer(server: string): RequestError | undefined {
    const { addresses } = this.#servers;
    if (addresses.includes(server)) return undefined;
    return new RequestError("invalid", `${server} is none of the servers: ${addresses.join(", ")}`);
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
