import { describe, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";
import type { LogResponse } from "@paxos/proto";
import { ScriptedClient } from "./scripted-client.js";
import { piece } from "./scripted-transport.js";

const servers = ["a:1", "b:2", "c:3"];
const refused = new RequestError("unavailable", "connection refused");

async function collect(log: AsyncIterable<LogResponse>): Promise<(number[] | RequestError)[]> {
  const pieces: (number[] | RequestError)[] = [];
  try {
    for await (const { entries } of log) pieces.push(entries.map(({ seq }) => Number(seq)));
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    pieces.push(error);
  }
  return pieces;
}

describe("status", () => {
  test("of every server at once, as it is; one that fails or hangs keeps nobody waiting for more than 2 s", async () => {
    const scripted = new ScriptedClient({ servers });
    scripted.transport.statuses.set("a:1", { nodeId: 10n });
    scripted.transport.statuses.set("b:2", refused);
    const asking = scripted.client.status();
    expect(scripted.transport.statusCalls).toEqual(servers);
    await scripted.time.pass(2000);
    expect(await asking).toMatchObject([
      { address: "a:1", status: { nodeId: 10n } },
      { address: "b:2", error: refused },
      { address: "c:3", error: { name: "RequestError" } },
    ]);
    expect(scripted.time.timers).toBe(0);
  });

  test("a transport that does not heed its signal keeps nobody waiting either", async () => {
    const scripted = new ScriptedClient({ servers: ["a:1"] });
    scripted.transport.status = () => new Promise(() => undefined);
    const asking = scripted.client.status();
    await scripted.time.pass(2200);
    expect(await asking).toMatchObject([{ address: "a:1", error: { code: "timed_out" } }]);
    expect(scripted.time.timers).toBe(0);
  });

  test("the caller's signal and close end it", async () => {
    const scripted = new ScriptedClient({ servers: ["a:1"] });
    const controller = new AbortController();
    const asking = [scripted.client.status({ signal: controller.signal }), scripted.client.status()];
    controller.abort();
    expect(await asking[0]).toMatchObject([{ address: "a:1", error: { code: "cancelled" } }]);
    await scripted.client.close();
    expect(await asking[1]).toMatchObject([{ address: "a:1", error: { code: "cancelled" } }]);
    expect(await scripted.client.status()).toMatchObject([{ address: "a:1", error: { code: "cancelled" } }]);
    expect(scripted.time.timers).toBe(0);
  });
});

describe("log", () => {
  test("comes from the server that was chosen", async () => {
    const scripted = new ScriptedClient({ servers });
    scripted.transport.logs.set("b:2", [piece(5, 6), piece(7)]);
    expect(await collect(scripted.client.log({ server: "b:2", from: 5, follow: true }))).toEqual([
      [5, 6],
      [7],
    ]);
    expect(scripted.transport.logCalls).toMatchObject([
      { address: "b:2", request: { fromSeq: 5n, follow: true } },
    ]);
    expect(scripted.transport.statusCalls).toEqual([]);
  });

  test("comes from the first that answers otherwise, from its start and to its end", async () => {
    const scripted = new ScriptedClient({ servers });
    scripted.transport.statuses.set("b:2", refused);
    scripted.transport.statuses.set("c:3", { nodeId: 12n });
    scripted.transport.logs.set("c:3", [piece(1)]);
    expect(await collect(scripted.client.log())).toEqual([[1]]);
    expect(scripted.transport.logCalls).toMatchObject([
      { address: "c:3", request: { fromSeq: 1n, follow: false } },
    ]);
    expect(scripted.time.timers).toBe(0);
  });

  test("fails with every server's reason when none answers", async () => {
    const scripted = new ScriptedClient({ servers });
    for (const address of servers) scripted.transport.statuses.set(address, refused);
    const [error] = await collect(scripted.client.log());
    expect(error).toMatchObject({
      code: "unavailable",
      message:
        "no server answers: server a:1: connection refused; server b:2: connection refused; server c:3: connection refused",
    });
  });

  test("ends with what breaks it", async () => {
    const scripted = new ScriptedClient({ servers });
    scripted.transport.logs.set("a:1", [piece(1), refused]);
    scripted.transport.logs.set("b:2", [piece(1), new TypeError("oh no")] as never);
    expect(await collect(scripted.client.log({ server: "a:1" }))).toEqual([[1], refused]);
    expect(await collect(scripted.client.log({ server: "b:2" }))).toMatchObject([
      [1],
      { code: "unavailable", message: "the transport failed: oh no" },
    ]);
  });

  test("the caller's signal ends it, while a server is looked for as well; so does close", async () => {
    const scripted = new ScriptedClient({ servers });
    const controller = new AbortController();
    const { signal } = controller;
    scripted.transport.logs.set("a:1", [piece(1), "wait"]);
    const reading = [
      collect(scripted.client.log({ signal })),
      collect(scripted.client.log({ signal, server: "a:1" })),
      collect(scripted.client.log({ server: "a:1" })),
    ];
    await scripted.time.pass(0);
    controller.abort();
    expect(await reading[0]).toMatchObject([{ code: "cancelled" }]);
    expect(await reading[1]).toMatchObject([[1], { code: "cancelled" }]);
    await scripted.client.close();
    expect(await reading[2]).toMatchObject([[1], { code: "cancelled" }]);
    expect(scripted.time.timers).toBe(0);
  });

  test.each([
    ["from is 0; it must be a whole number from 1 on", { from: 0 }],
    ["from is 1.5; it must be a whole number from 1 on", { from: 1.5 }],
    ["d:4 is none of the servers: a:1, b:2, c:3", { server: "d:4" }],
  ])("%s", async (message, options) => {
    const [error] = await collect(new ScriptedClient({ servers }).client.log(options));
    expect(error).toMatchObject({ code: "invalid", message });
  });
});
