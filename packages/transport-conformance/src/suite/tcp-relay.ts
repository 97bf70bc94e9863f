import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Relay } from "./adapter.js";

type Direction = "there" | "back";

/** A relay of TCP connections that can fall silent without closing anything, as a cut cable or a stopped process does. */
export class TcpRelay implements Relay {
  readonly #sockets = new Map<Socket, Direction>();
  readonly #silent = new Set<Direction>();
  #calls = 0;

  private constructor(
    private readonly server: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {
    server.on("connection", (near: Socket) => this.#relay(near));
  }

  /** A relay to an address, with an address of its own on loopback. */
  static async to(address: string): Promise<TcpRelay> {
    const colon = address.lastIndexOf(":");
    const host = address.slice(0, colon).replaceAll(/[[\]]/g, "");
    const server = createServer();
    const relay = new TcpRelay(server, { host, port: Number(address.slice(colon + 1)) });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return relay;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get calls(): number {
    return this.#calls;
  }

  silence(direction?: Direction): void {
    for (const silent of direction === undefined ? (["there", "back"] as const) : [direction]) {
      this.#silent.add(silent);
    }
    for (const [socket, from] of this.#sockets) if (this.#silent.has(from)) socket.pause();
  }

  resume(): void {
    this.#silent.clear();
    for (const socket of this.#sockets.keys()) socket.resume();
  }

  async close(): Promise<void> {
    this.#silent.clear();
    for (const socket of this.#sockets.keys()) socket.destroy();
    const closed = once(this.server, "close");
    this.server.close();
    await closed;
  }

  #relay(near: Socket): void {
    this.#calls++;
    const far = connect(this.target);
    this.#pass("there", near, far);
    this.#pass("back", far, near);
  }

  #pass(direction: Direction, from: Socket, to: Socket): void {
    this.#sockets.set(from, direction);
    from.on("error", () => undefined);
    from.on("close", () => {
      this.#sockets.delete(from);
      // Silence hides an end as well.
      if (!this.#silent.has(direction)) to.destroy();
    });
    from.on("data", (chunk) => {
      if (to.write(chunk)) return;
      from.pause();
      to.once("drain", () => this.#silent.has(direction) || from.resume());
    });
    if (this.#silent.has(direction)) from.pause();
  }
}

/** An address of which a moment ago nobody listened on the port. */
export async function freeTcpAddress(): Promise<string> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

/** Sends bytes to an address; resolves once the other side has closed the connection. For {@link Garbage}. */
export async function throwBytes(address: string, bytes: Uint8Array): Promise<void> {
  const colon = address.lastIndexOf(":");
  const socket = connect(Number(address.slice(colon + 1)), address.slice(0, colon));
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(bytes);
  await new Promise((resolve) => socket.once("close", resolve));
}
