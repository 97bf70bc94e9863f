// What a lock protects, as a service of its own: a register that is fenced, over HTTP.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { FencedRegister, StaleTokenError } from "../src/fenced-register.js";

/** A program for `node -e` that writes its token to the service at its first argument, again and again, until it is ended. */
export const fencedWriter = `
  const body = JSON.stringify({ token: Number(process.env.PAXOS_FENCING_TOKEN), pid: process.pid });
  const write = () => fetch(process.argv[1], { method: "POST", body }).then(write);
  write();
`;

export class FencedService {
  readonly register = new FencedRegister(0);
  /** The process that has written last. */
  pid = 0;
  /** The tokens that were refused. */
  readonly refused: number[] = [];
  url = "";
  readonly #server = createServer((request, response) => {
    void text(request).then((body) => {
      const { token, pid } = JSON.parse(body) as { token: number; pid: number };
      response.statusCode = this.#write(token, pid) ? 200 : 409;
      response.end();
    });
  });

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #write(token: number, pid: number): boolean {
    try {
      this.register.write(token, pid);
      this.pid = pid;
      return true;
    } catch (error) {
      if (!(error instanceof StaleTokenError)) throw error;
      this.refused.push(token);
      return false;
    }
  }
}
