import { once } from "node:events";
import { createServer } from "node:net";

const HOST = "127.0.0.1";

/**
 * Below the range from which systems take the ports of outgoing connections: while a server is down, nobody else gets
 * its port.
 */
const LOWEST = 11_000;
const HIGHEST = 31_000;

/** Ports of 127.0.0.1 on which nobody listens, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, HOST);
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
