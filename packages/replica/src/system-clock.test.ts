import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { expect, test } from "@jest/globals";
import { systemClock } from "./system-clock.js";

/** Keeps the event loop from turning. */
function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("ticks come until they are stopped", async () => {
  let ticks = 0;
  await new Promise<void>((resolve) => {
    const stop = systemClock.every(1, () => {
      if (++ticks < 3) return;
      stop();
      resolve();
    });
  });
  // A later timer of the same length has fired: one more tick would have come before it.
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(ticks).toBe(3);
});

test("ticks missed while the event loop was stalled are left out", async () => {
  const times: number[] = [];
  const stalls = 5;
  await new Promise<void>((resolve) => {
    const stop = systemClock.every(10, () => {
      times.push(performance.now());
      if (times.length <= stalls) return stall(100);
      stop();
      resolve();
    });
  });
  // More than 50 intervals have passed.
  expect(times).toHaveLength(stalls + 1);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100);
});

test("after a stall from outside there is at most one tick before a full interval has passed", async () => {
  let ticks = 0;
  const stop = systemClock.every(50, () => ticks++);
  stall(300);
  const end = performance.now();
  await new Promise<void>((resolve) => {
    const look = () => (ticks > 0 ? resolve() : void setImmediate(look));
    look();
  });
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  // Whatever else this machine did meanwhile, the ticks are no more than the time since would allow, and one.
  expect(ticks).toBeLessThanOrEqual(1 + Math.floor((performance.now() - end) / 49));
  stop();
});

test("soon runs after the inputs that are already waiting", async () => {
  const order: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clients = [0, 1, 2].map(() => connect(port, "127.0.0.1"));
  await Promise.all(clients.map((client) => once(client, "connect")));
  await new Promise<void>((resolve) => {
    const look = () => (sockets.length === 3 ? resolve() : void setImmediate(look));
    look();
  });
  const ran = new Promise<void>((resolve) => {
    for (const socket of sockets) {
      socket.once("data", () => {
        order.push("input");
        if (order.length > 1) return;
        systemClock.soon(() => {
          order.push("soon");
          resolve();
        });
      });
    }
  });
  for (const client of clients) client.write("x");
  // All three have arrived before the event loop looks for the first.
  stall(50);
  await ran;
  expect(order).toEqual(["input", "input", "input", "soon"]);
  for (const socket of [...clients, ...sockets]) socket.destroy();
  server.close();
  await once(server, "close");
});
