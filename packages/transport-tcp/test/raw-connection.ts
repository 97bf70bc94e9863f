import type { Frame } from "@paxos/proto";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { encodeFrame } from "../src/frame.js";
import { FrameDecoder } from "../src/frame-decoder.js";
import { until } from "./endpoint.js";

type FrameInit = Parameters<typeof encodeFrame>[0];

/** One end of a connection that says what it is told, and keeps what it hears. */
export class RawConnection {
  readonly heard: Frame[] = [];
  /** Whether pings are answered; they are not kept then. */
  answersPings = true;
  pings = 0;
  readonly #decoder = new FrameDecoder(Infinity);

  constructor(private readonly socket: Socket) {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      this.#decoder.push(chunk);
      for (let next = this.#decoder.next(); next?.frame !== undefined; next = this.#decoder.next())
        this.#take(next.frame);
    });
  }

  /** Calls a node as a client, and waits for its greeting. */
  static async client(port: number): Promise<RawConnection> {
    const connection = new RawConnection(connect(port, "127.0.0.1"));
    connection.say({ clientHello: { protocolVersion: 1 } });
    await until(() => connection.heard.length === 1, "a greeting");
    connection.heard.length = 0;
    return connection;
  }

  get closed(): boolean {
    return this.socket.closed;
  }

  /** Bytes that the other side has not taken. */
  get unsent(): number {
    return this.socket.writableLength;
  }

  say(frame: FrameInit): void {
    this.sayBytes(encodeFrame(frame));
  }

  sayBytes(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Reads nothing any more. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Not by `once`, which rejects when the other side has broken off at the same moment. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.closed) return resolve();
      this.socket.on("close", () => resolve()).destroy();
    });
  }

  #take(frame: Frame): void {
    if (frame.ping !== 0n) this.pings++;
    if (frame.ping !== 0n && this.answersPings) this.say({ pong: frame.ping });
    else this.heard.push(frame);
  }
}

/** Listens in the place of a node, and keeps the connections that are made. */
export class RawServer {
  readonly connections: RawConnection[] = [];

  private constructor(
    private readonly server: Server,
    onConnection: (connection: RawConnection) => void,
  ) {
    server.on("connection", (socket) => {
      const connection = new RawConnection(socket);
      this.connections.push(connection);
      onConnection(connection);
    });
  }

  static async listen(onConnection: (connection: RawConnection) => void): Promise<RawServer> {
    const server = createServer();
    const raw = new RawServer(server, onConnection);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return raw;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.close();
    await Promise.all(this.connections.map((connection) => connection.close()));
  }
}
