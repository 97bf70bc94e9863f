// Everything around the program, without processes, disks or sockets.
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";

import {
  type ClientListener,
  type ClientTransport,
  RequestError,
  type Storage,
  type Transport,
} from "@paxos/core";
import type { MembersResponse } from "@paxos/proto";
import type { ReplicaOptions } from "@paxos/replica";

import type { Environment, RunningReplica } from "../src/environment.js";

/** A replica that does what the test says. */
export class FakeReplica implements RunningReplica {
  reachPeer!: () => void;
  stop!: (error: Error | undefined) => void;
  loseStorage!: (error: Error) => void;
  closed = 0;
  /** What closing waits for. */
  closing: Promise<void> = Promise.resolve();
  readonly peerReached = new Promise<void>((resolve) => (this.reachPeer = resolve));
  readonly stopped = new Promise<Error | undefined>((resolve) => (this.stop = resolve));
  readonly storageFailed = new Promise<Error>((resolve) => (this.loseStorage = resolve));
  remove!: () => void;
  readonly removed = new Promise<void>((resolve) => (this.remove = resolve));
  /** What was asked of it, in order. */
  readonly asked: string[] = [];
  address = "";

  async transferLeadership(): Promise<number> {
    this.asked.push("hand over");
    return 0;
  }

  async close(): Promise<void> {
    this.closed++;
    this.asked.push("close");
    await this.closing;
    this.stop(undefined);
  }
}

const nothingIsStored = () => Promise.reject(new Error("nothing is stored here"));

class FakeStorage implements Storage {
  closed = 0;
  constructor(readonly directory: string | undefined) {}
  load = nothingIsStored;
  save = nothingIsStored;
  read = nothingIsStored;
  writeSnapshot = nothingIsStored;
  readChunk = nothingIsStored;
  receiveChunk = nothingIsStored;
  compact = nothingIsStored;
  async close(): Promise<void> {
    this.closed++;
  }
}

class FakeTransport implements Transport, ClientListener {
  closed = 0;
  start = () => Promise.reject(new Error("nothing is started here"));
  setPeers = () => undefined;
  send = () => undefined;
  serve = () => undefined;
  counters = () => ({});
  async close(): Promise<void> {
    this.closed++;
  }
}

export class FakeEnvironment implements Environment {
  readonly platform = "linux";
  readonly env = { XDG_DATA_HOME: "/data" };
  readonly homeDirectory = "/home/u";
  readonly interrupt = new AbortController();
  /** The one that is started next, or was last. */
  replica = new FakeReplica();
  readonly storages: FakeStorage[] = [];
  readonly transports: FakeTransport[] = [];
  readonly probe = {
    hostname: () => "here",
    localAddresses: () => [],
    resolve: async (host: string) => [host],
  };
  /** What the replica was started with. */
  started: ReplicaOptions | undefined;
  startError: Error | undefined;
  output = "";
  log = "";
  time = 0;
  /** How long it has waited, each time. */
  readonly waits: number[] = [];
  diskWorks = true;
  endedAtOnce = 0;

  now = () => new Date(this.time);
  readLine = async () => undefined;
  writeOutput = (text: string) => void (this.output += text);
  writeLog = (text: string) => void (this.log += text);

  createStorage(directory: string | undefined): FakeStorage {
    const storage = new FakeStorage(directory);
    this.storages.push(storage);
    return storage;
  }

  readonly stdout = new PassThrough();

  createStore = nothingIsStored;
  inspectStorage = nothingIsStored;

  /** What a member that is asked says of its cluster. */
  members: (address: string) => Promise<MembersResponse> = async () => {
    throw new RequestError("unavailable", "nobody is called here");
  };

  createClientTransport(): ClientTransport {
    return {
      members: this.members,
      close: async () => undefined,
    } as Partial<ClientTransport> as ClientTransport;
  }

  createTransport(): FakeTransport {
    const transport = new FakeTransport();
    this.transports.push(transport);
    return transport;
  }

  /** What loading a module gives. */
  loadModule: (path: string) => Promise<unknown> = async () => {
    throw new Error("no module is loaded here");
  };

  async wait(ms: number): Promise<void> {
    this.waits.push(ms);
    this.time += ms;
    // As a timer does, it lets others go first.
    await setImmediate();
  }

  takesWrites = async () => this.diskWorks;
  endAtOnce = () => void this.endedAtOnce++;

  async startReplica(options: ReplicaOptions): Promise<RunningReplica> {
    this.started = options;
    if (this.startError !== undefined) throw this.startError;
    const { listen, epochRecord, nodeId } = options;
    const members = [...(epochRecord?.voters ?? []), ...(epochRecord?.learners ?? [])];
    this.replica.address =
      listen ?? members.find((member) => member.nodeId === BigInt(nodeId))?.address ?? "";
    return this.replica;
  }
}
