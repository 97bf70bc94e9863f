import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";
import { BackupPieceSchema, type BackupPiece } from "@paxos/proto";
import { crc32 } from "node:zlib";
import { ScriptedClient } from "./scripted-client.js";

const servers = ["a:1", "b:2", "c:3"];
const refused = new RequestError("unavailable", "connection refused");

/** The pieces of a snapshot that consists of these texts. */
function backupOf(...texts: string[]): BackupPiece[] {
  const snapshot = { seq: 9n, origin: 5n, chunks: texts.length };
  return texts.map((text, index) => {
    const checksum = crc32(texts.slice(0, index + 1).join(""));
    return create(BackupPieceSchema, { snapshot, index, data: Buffer.from(text), checksum });
  });
}

/** What has come, as text, and the error that ended it. */
async function collect(pieces: AsyncIterable<BackupPiece>): Promise<(string | RequestError)[]> {
  const had: (string | RequestError)[] = [];
  try {
    for await (const { data } of pieces) had.push(Buffer.from(data).toString());
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    had.push(error);
  }
  return had;
}

describe("takeSnapshot", () => {
  test("is asked of the server that is named, and of no other", async () => {
    const scripted = new ScriptedClient({ servers });
    scripted.transport.snapshots.set("b:2", { seq: 9n, bytes: 300n, firstSeq: 5n });
    expect(await scripted.client.takeSnapshot({ server: "b:2" })).toMatchObject({ seq: 9n, bytes: 300n });
    expect([scripted.transport.snapshotCalls, scripted.transport.statusCalls]).toEqual([["b:2"], []]);
  });

  test("rejects with what the server says, or with what is wrong with the transport", async () => {
    const scripted = new ScriptedClient({ servers });
    const invalid = new RequestError("invalid", "no snapshots here");
    scripted.transport.snapshots.set("a:1", invalid);
    scripted.transport.snapshots.set("b:2", new TypeError("oh no"));
    await expect(scripted.client.takeSnapshot({ server: "a:1" })).rejects.toBe(invalid);
    await expect(scripted.client.takeSnapshot({ server: "b:2" })).rejects.toMatchObject({
      code: "unavailable",
      message: "the transport failed: oh no",
    });
    await expect(scripted.client.takeSnapshot({ server: "d:4" })).rejects.toMatchObject({
      code: "invalid",
      message: "d:4 is none of the servers: a:1, b:2, c:3",
    });
  });

  test("takes its time, until the caller's signal or close ends it", async () => {
    const scripted = new ScriptedClient({ servers });
    const controller = new AbortController();
    const server = "a:1";
    const cancelled = scripted.client.takeSnapshot({ server, signal: controller.signal });
    const closed = scripted.client.takeSnapshot({ server });
    await scripted.time.pass(3_600_000);
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ code: "cancelled" });
    await scripted.client.close();
    await expect(closed).rejects.toMatchObject({ code: "cancelled" });
    expect(scripted.time.timers).toBe(0);
  });
});

describe("backup", () => {
  test("comes from the server that was chosen, or from the first that answers, to its end", async () => {
    const scripted = new ScriptedClient({ servers });
    scripted.transport.backups.set("b:2", backupOf("one ", "two ", ""));
    scripted.transport.backups.set("c:3", backupOf("all"));
    expect(await collect(scripted.client.backup({ server: "b:2" }))).toEqual(["one ", "two ", ""]);
    scripted.transport.statuses.set("b:2", refused);
    scripted.transport.statuses.set("c:3", { nodeId: 12n });
    expect(await collect(scripted.client.backup())).toEqual(["all"]);
    expect(scripted.transport.backupCalls).toEqual(["b:2", "c:3"]);
    expect(scripted.time.timers).toBe(0);
  });

  test("ends with what breaks it, with the caller's signal, and with close", async () => {
    const scripted = new ScriptedClient({ servers });
    const [first = create(BackupPieceSchema)] = backupOf("one", "two");
    scripted.transport.backups.set("a:1", [first, refused]);
    scripted.transport.backups.set("b:2", [first, "wait"]);
    expect(await collect(scripted.client.backup({ server: "a:1" }))).toEqual(["one", refused]);
    const controller = new AbortController();
    const { signal } = controller;
    const cancelled = collect(scripted.client.backup({ server: "b:2", signal }));
    const closed = collect(scripted.client.backup({ server: "b:2" }));
    await scripted.time.pass(0);
    controller.abort();
    expect(await cancelled).toMatchObject(["one", { code: "cancelled" }]);
    await scripted.client.close();
    expect(await closed).toMatchObject(["one", { code: "cancelled" }]);
    expect(await collect(scripted.client.backup({ server: "d:4" }))).toMatchObject([{ code: "invalid" }]);
  });

  const [one, two, three] = backupOf("one", "two", "three") as [BackupPiece, BackupPiece, BackupPiece];
  test.each<[string, BackupPiece[], number, string]>([
    ["is cut short", [one, two], 2, "it ended after 2 of 3 pieces"],
    ["is empty", [], 0, "it ended after 0 of so many pieces"],
    ["lacks a piece", [one, three], 1, "piece 2 of another snapshot, or out of its order, came after 1"],
    [
      "has a piece twice",
      [one, two, two],
      2,
      "piece 1 of another snapshot, or out of its order, came after 2",
    ],
    [
      "is of two snapshots",
      [one, { ...two, snapshot: { ...two.snapshot!, origin: 6n } }],
      1,
      "piece 1 of another snapshot",
    ],
    [
      "does not say of which",
      [create(BackupPieceSchema, { data: one.data, checksum: one.checksum })],
      0,
      "piece 0 of another",
    ],
    ["goes on", [one, two, three, { ...three, index: 3 }], 3, "more than 3 pieces came"],
    ["is damaged", [one, { ...two, data: Buffer.from("tvo") }], 1, "the checksum of piece 1 does not fit"],
  ])("one that %s is of no use", async (_, pieces, had, why) => {
    const scripted = new ScriptedClient({ servers });
    scripted.transport.backups.set("a:1", pieces);
    const all = await collect(scripted.client.backup({ server: "a:1" }));
    expect(all).toHaveLength(had + 1);
    const message: unknown = expect.stringContaining(`the backup from a:1 is of no use: ${why}`);
    expect(all.at(-1)).toMatchObject({ code: "unavailable", message });
  });
});
