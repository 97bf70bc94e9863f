// Everything around the program, without processes, disks or sockets.
import type { ClientListener, Storage, Transport } from "@paxos/core";
import type { ReplicaOptions } from "@paxos/replica";

import type { Environment, RunningReplica } from "../src/environment.js";

/** A replica that does what the test says. */
class FakeReplica implements RunningReplica {
  reachPeer!: () => void;
  stop!: (error: Error | undefined) => void;
  closed = 0;
  readonly peerReached = new Promise<void>((resolve) => (this.reachPeer = resolve));
  readonly stopped = new Promise<Error | undefined>((resolve) => (this.stop = resolve));

  async close(): Promise<void> {
    this.closed++;
    this.stop(undefined);
  }
}

class FakeStorage implements Storage {
  closed = 0;
  constructor(readonly directory: string | undefined) {}
  load = () => Promise.reject(new Error("nothing is loaded here"));
  save = () => Promise.reject(new Error("nothing is saved here"));
  read = () => Promise.reject(new Error("nothing is read here"));
  async close(): Promise<void> {
    this.closed++;
  }
}

class FakeTransport implements Transport, ClientListener {
  closed = 0;
  start = () => Promise.reject(new Error("nothing is started here"));
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
  readonly replica = new FakeReplica();
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

  now = () => new Date(0);
  writeOutput = (text: string) => void (this.output += text);
  writeLog = (text: string) => void (this.log += text);

  createStorage(directory: string | undefined): FakeStorage {
    const storage = new FakeStorage(directory);
    this.storages.push(storage);
    return storage;
  }

  createTransport(): FakeTransport {
    const transport = new FakeTransport();
    this.transports.push(transport);
    return transport;
  }

  async startReplica(options: ReplicaOptions): Promise<RunningReplica> {
    this.started = options;
    if (this.startError !== undefined) throw this.startError;
    return this.replica;
  }
}
