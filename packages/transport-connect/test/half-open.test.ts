import { afterEach, expect, test } from "@jest/globals";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { accept, Endpoints, freePort, proposal, until } from "./endpoint.js";
import { Proxy } from "./proxy.js";

const endpoints = new Endpoints();
const proxies: Proxy[] = [];
const servers: { server: Server; sockets: Set<Socket> }[] = [];
afterEach(async () => {
  await endpoints.close();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

const quick = { keepAlive: { intervalMs: 50, timeoutMs: 200 }, connectTimeoutMs: 300 };

/** Accepts connections and never says a word. */
async function silentServer(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.resume();
  });
  servers.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a server that accepts and stays silent is given up, tried again, and told once", async () => {
  const address = await silentServer();
  const { sockets } = servers[0]!;
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address }], transport: quick });
  await until(() => sockets.size > 2, "tried again");
  expect(zero.disconnected).toHaveLength(1);
  expect(zero.disconnected[0]?.reason).toMatch(
    /no handshake within 300 ms|no answer to a ping within 200 ms/,
  );
  expect(zero.connected).toHaveLength(0);
});

test("with the default options, a connection that falls silent is dead within about three seconds, and comes back", async () => {
  const oneAddress = `127.0.0.1:${await freePort()}`;
  const proxy = new Proxy();
  proxies.push(proxy);
  const viaProxy = await proxy.start(Number(oneAddress.split(":")[1]));
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: viaProxy }] });
  const one = await endpoints.start({
    nodeId: 1,
    address: oneAddress,
    peers: [{ nodeId: 0, address: "127.0.0.1:9" }],
  });
  await until(() => zero.connected.length === 1, "connected");
  const before = zero.disconnected.length;
  proxy.silence();
  const start = performance.now();
  await until(() => zero.disconnected.length > before, "the loss was noticed");
  // The margin is for machines that are busy with other things.
  expect(performance.now() - start).toBeLessThan(4500);
  expect(zero.disconnected.at(-1)?.reason).toMatch(/no answer to a ping within 2000 ms/);
  proxy.resume();
  await until(() => zero.connected.length === 2, "connected again");
  zero.transport.send(accept(1, 1));
  await until(() => one.received.length > 0, "arrived");
}, 20_000);

test("a connection that falls silent with much under way is given up as well", async () => {
  const oneAddress = `127.0.0.1:${await freePort()}`;
  const proxy = new Proxy();
  proxies.push(proxy);
  const viaProxy = await proxy.start(Number(oneAddress.split(":")[1]));
  const zero = await endpoints.start({
    nodeId: 0,
    peers: [{ nodeId: 1, address: viaProxy }],
    transport: quick,
  });
  await endpoints.start({ nodeId: 1, address: oneAddress, peers: [{ nodeId: 0, address: "127.0.0.1:9" }] });
  await until(() => zero.connected.length === 1, "connected");
  const before = zero.disconnected.length;
  proxy.silence();
  for (let seq = 1; seq <= 200; seq++) zero.transport.send(proposal(1, seq, 100_000));
  await until(() => zero.disconnected.length > before, "the loss was noticed");
});

test("a caller that connects and stays silent is cut off", async () => {
  const zero = await endpoints.start({ nodeId: 0, transport: quick });
  const socket = connect(zero.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  await until(() => socket.destroyed, "the connection was closed");
  expect(zero.connected).toHaveLength(0);
});

test("a stall of the own event loop is not taken for a dead peer", async () => {
  const [zero, one] = await endpoints.pair({ transport: { keepAlive: { intervalMs: 20, timeoutMs: 100 } } });
  const losses = zero.disconnected.length + one.disconnected.length;
  for (let round = 0; round < 5; round++) {
    const end = performance.now() + 250;
    while (performance.now() < end);
    const received = one.received.length;
    zero.transport.send(accept(1, round));
    await until(() => one.received.length > received, "arrived");
  }
  expect(zero.disconnected.length + one.disconnected.length).toBe(losses);
});
