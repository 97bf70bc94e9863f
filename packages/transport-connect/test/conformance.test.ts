import { describeTransport, throwBytes, type Garbage } from "@paxos/transport-conformance";
import { ConnectClientTransport, ConnectReplicaTransport } from "../src/index.js";
import { RawCallee, RawCaller } from "./raw-peer.js";

const garbage = (name: string, ...bytes: (string | readonly number[])[]): Garbage => ({
  name,
  counter: "closed_not_http2",
  throwAt: (address) => throwBytes(address, Buffer.concat(bytes.map((part) => Buffer.from(part as string)))),
});

describeTransport("Connect", {
  replica: (options) => new ConnectReplicaTransport(options),
  clients: {
    connect: (options) => new ConnectClientTransport(options),
    "connect, unary": (options) => new ConnectClientTransport({ ...options, updates: "unary" }),
    grpc: (options) => new ConnectClientTransport({ ...options, protocol: "grpc" }),
    "grpc, unary": (options) =>
      new ConnectClientTransport({ ...options, protocol: "grpc", updates: "unary" }),
  },
  raw: {
    call: (address) => new RawCaller(address),
    answer: (frame) => RawCallee.start(frame),
  },
  garbage: [
    garbage("bytes that are nothing at all", [0, 1, 2, 3, 255, 254, 253, 10, 13, 0, 0, 0]),
    garbage("HTTP/1.1", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    garbage("HTTP/2 and then rubbish", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Array(64).fill(0xfe) as number[]),
  ],
});
