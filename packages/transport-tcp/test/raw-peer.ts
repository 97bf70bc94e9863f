import { create, fromBinary } from "@bufbuild/protobuf";
import { sizeDelimitedEncode, sizeDelimitedPeek } from "@bufbuild/protobuf/wire";
import { FrameSchema, PeerFrameSchema, type PeerFrame } from "@paxos/proto";
import type { RawCallee, RawCaller } from "@paxos/transport-conformance";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A caller that says exactly what it is told; only pings it answers by itself. */
export function rawCaller(address: string): RawCaller {
  const socket = connect(Number(address.split(":").at(-1)), "127.0.0.1");
  const answers: PeerFrame[] = [];
  listen(socket, answers);
  return {
    answers,
    get ended() {
      return socket.closed;
    },
    say: (...frames) => frames.forEach((frame) => say(socket, frame)),
    close: () => gone(socket),
  };
}

/** A callee that answers every caller with one frame and keeps what it hears. */
export async function rawCallee(answer: PeerFrame): Promise<RawCallee> {
  const heard: PeerFrame[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    say(socket, answer);
    listen(socket, heard);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    async close() {
      const closed = once(server, "close");
      server.close();
      await Promise.all([closed, ...sockets.map(gone)]);
    },
  };
}

/** The fields of a PeerFrame have the numbers that they have in a Frame. */
function say(socket: Socket, frame: PeerFrame): void {
  if (!socket.destroyed) socket.write(sizeDelimitedEncode(PeerFrameSchema, frame));
}

/** Keeps the frames that come, except pings, which it answers. */
function listen(socket: Socket, heard: PeerFrame[]): void {
  let bytes = Buffer.alloc(0);
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let size = sizeDelimitedPeek(bytes); !size.eof; size = sizeDelimitedPeek(bytes)) {
      const end = size.offset + size.size;
      if (bytes.length < end) return;
      const frame = bytes.subarray(size.offset, end);
      bytes = bytes.subarray(end);
      const { ping } = fromBinary(FrameSchema, frame);
      if (ping === 0n) heard.push(fromBinary(PeerFrameSchema, frame));
      else if (!socket.destroyed)
        socket.write(sizeDelimitedEncode(FrameSchema, create(FrameSchema, { pong: ping })));
    }
  });
}

async function gone(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
}
