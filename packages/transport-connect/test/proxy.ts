import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A TCP relay that can fall silent without closing anything, as a cut cable or a stopped process does. */
export class Proxy {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #silent = false;

  /** Relays to `targetPort` on loopback; resolves with its own address. */
  async start(targetPort: number): Promise<string> {
    const server = createServer((near) => {
      const far = connect(targetPort, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => undefined);
        from.on("close", () => {
          this.#sockets.delete(from);
          if (!this.#silent) to.destroy();
        });
        from.on("data", (chunk) => {
          if (!to.write(chunk)) {
            from.pause();
            to.once("drain", () => this.#silent || from.resume());
          }
        });
        if (this.#silent) from.pause();
      }
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Passes nothing on, keeps everything open; new connections are accepted and find silence. */
  silence(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Passes everything on again, what was held back included. */
  resume(): void {
    this.#silent = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Breaks all connections off; new ones are relayed. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#silent = false;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) =>
      this.#server === undefined ? resolve() : this.#server.close(() => resolve()),
    );
  }
}
