import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { PeerFrameSchema, type PeerFrame } from "@paxos/proto";
import {
  MemoryClientTransport,
  MemoryNetwork,
  MemoryReplicaTransport,
  type RawCaller,
  type Relay,
  type TransportAdapter,
} from "../src/index.js";
import type { MemoryConnection } from "../src/memory/memory-connection.js";

/** The memory transport, each test's on the same network. */
export function memoryAdapter(): TransportAdapter {
  const network = new MemoryNetwork();
  return {
    replica: (options) => new MemoryReplicaTransport(network, options),
    clients: { memory: (options) => new MemoryClientTransport(network, options) },
    raw: {
      call: (address) => rawCaller(network.connect(network.freeAddress(), address)),
      answer: (frame) => rawCallee(network, frame),
    },
    garbage: [
      {
        name: "a frame that does not decode",
        counter: "closed_undecodable",
        async throwAt(address) {
          const connection = network.connect(network.freeAddress(), address);
          void connection.send(new Uint8Array([0xff, 0xff]));
          await new Promise<void>((resolve) => connection.onClose(resolve));
        },
      },
    ],
    freeAddress: () => Promise.resolve(network.freeAddress()),
    relay: (address) => Promise.resolve(relay(network, address)),
    open: () => network.openEnds,
  };
}

function relay(network: MemoryNetwork, target: string): Relay {
  const address = network.relay(target);
  return {
    address,
    get calls() {
      return network.callsTo(address);
    },
    silence(direction) {
      if (direction !== "back") network.cut({ to: address });
      if (direction !== "there") network.cut({ from: address });
    },
    resume() {
      network.heal({ to: address });
      network.heal({ from: address });
    },
    async close() {
      network.reset(address);
      this.resume();
    },
  };
}

function rawCaller(connection: MemoryConnection): RawCaller {
  const answers = listen(connection);
  return {
    answers,
    get ended() {
      return connection.closedBecause !== undefined;
    },
    say(...frames) {
      for (const frame of frames) void connection.send(toBinary(PeerFrameSchema, frame));
    },
    async close() {
      connection.close();
    },
  };
}

async function rawCallee(network: MemoryNetwork, answer: PeerFrame) {
  const heard: (readonly PeerFrame[])[] = [];
  const connections: MemoryConnection[] = [];
  const listener = network.listen("127.0.0.1:0", (connection) => {
    connections.push(connection);
    void connection.send(toBinary(PeerFrameSchema, answer));
    heard.push(listen(connection));
  });
  return {
    address: listener.address,
    get heard() {
      return heard.flat();
    },
    async close() {
      listener.close();
      for (const connection of connections) connection.close();
    },
  };
}

/** Keeps what comes. */
function listen(connection: MemoryConnection): readonly PeerFrame[] {
  const heard: PeerFrame[] = [];
  void (async () => {
    for (let next = await connection.receive(); next !== undefined; next = await connection.receive()) {
      heard.push(fromBinary(PeerFrameSchema, next));
    }
  })();
  return heard;
}
