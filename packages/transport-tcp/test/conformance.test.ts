import { describeTransport, throwBytes, type Garbage } from "@paxos/transport-conformance";
import { TcpClientTransport, TcpReplicaTransport } from "../src/index.js";
import { rawCallee, rawCaller } from "./raw-peer.js";

const garbage = (name: string, counter: string, bytes: string | readonly number[]): Garbage => ({
  name,
  counter,
  throwAt: (address) => throwBytes(address, Buffer.from(bytes as string)),
});

describeTransport("TCP", {
  replica: (options) => new TcpReplicaTransport(options),
  clients: { tcp: (options) => new TcpClientTransport(options) },
  raw: { call: rawCaller, answer: rawCallee },
  garbage: [
    garbage("a frame that does not decode", "closed_undecodable", [3, 0xff, 0xff, 0xff]),
    garbage("a size far above the limit", "closed_undecodable", [0xff, 0xff, 0xff, 0xff, 0x07]),
    garbage("a size that never ends", "closed_undecodable", Array<number>(64).fill(0xff)),
    garbage("HTTP/1.1", "closed_undecodable", `GET / HTTP/1.1\r\nHost: ${"x".repeat(100)}\r\n\r\n`),
  ],
});
