import type { AddressInfo, Server } from "node:net";
import { formatAddress, type HostPort } from "./address.js";

/** The node's own address cannot be listened on. The message says what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  constructor(
    /** The code of the operating system: EADDRINUSE, EADDRNOTAVAIL, EACCES, and so on. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const advice: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use; stop the program that listens on it, or choose another port",
  EADDRNOTAVAIL: "the address is not one of this host's; correct it",
  EACCES: "not permitted; choose a port above 1023",
  ENOTFOUND: "the host name is not known; correct it, or use an IP address",
};

/** Listens, and resolves with the port, which was chosen freely when 0 was asked for. Rejects with a {@link ListenError}. */
export function listen(server: Server, { host, port }: HostPort): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const code = error.code ?? "UNKNOWN";
      const why = advice[code] ?? error.message;
      reject(
        new ListenError(code, `cannot listen on ${formatAddress({ host, port })}: ${why}`, { cause: error }),
      );
    };
    server.once("error", onError);
    server.listen({ host, port }, () => {
      server.off("error", onError);
      // A failing accept (no file descriptors left, say) must not end the process; it is tried again.
      server.on("error", () => undefined);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
