import { expect, test } from "@jest/globals";
import { clientOf, type Answer } from "@paxos/machine";
import { first, second } from "../test/registers.js";

/** What reaches a state machine at once. */
class Loopback {
  readonly machine = second.create();
  readonly options: (object | undefined)[] = [];
  versionInUse = 2;
  seq = 0;

  async submit(update: Uint8Array, options?: { readonly urgent?: boolean }) {
    this.options.push(options);
    return { seq: ++this.seq, result: this.machine.apply(update, this.seq, this.versionInUse) };
  }

  async read(query: Uint8Array, options?: { readonly stale?: boolean }) {
    this.options.push(options);
    return { seq: this.seq, result: this.machine.query(query) };
  }
}

test("its methods are the commands and queries, with their types", async () => {
  const loopback = new Loopback();
  const client = clientOf(second, loopback);
  const put: Answer<{ seq: number; kept: boolean }> = await client.put(
    { key: "a", value: "1" },
    { urgent: true },
  );
  expect(put).toEqual({ seq: 1, result: { seq: 1, kept: false } });
  const got: Answer<string | undefined> = await client.get({ key: "a" }, { stale: true });
  expect(got).toEqual({ seq: 1, result: "1" });
  const size: Answer<number> = await client.size();
  expect(size.result).toBe(1);
  expect(await client.clear()).toEqual({ seq: 2, result: undefined });
  expect(loopback.options).toEqual([{ urgent: true }, { stale: true }, undefined, undefined]);
  // @ts-expect-error no such key
  await expect(client.put({ name: "a", value: "1" })).rejects.toMatchObject({ code: "invalid" });
  // @ts-expect-error an input is needed
  await expect(client.get()).rejects.toMatchObject({ code: "invalid" });
  // @ts-expect-error an option of reads
  await client.put({ key: "a", value: "1" }, { stale: true });
  expect("drop" in client).toBe(false);
});

test("wrong input is sent to nobody", async () => {
  const loopback = new Loopback();
  const client = clientOf(second, loopback);
  await expect(client.put({ key: "", value: "1" })).rejects.toMatchObject({
    name: "RequestError",
    code: "invalid",
    message: "put: key: Too small: expected string to have >=1 characters",
  });
  await expect(client.get({ key: "x".repeat(21) })).rejects.toMatchObject({ code: "invalid" });
  expect(loopback.options).toEqual([]);
});

test("a command that not all know yet is refused, one that is unknown is invalid", async () => {
  const loopback = new Loopback();
  loopback.versionInUse = 0;
  await expect(clientOf(second, loopback).clear()).rejects.toMatchObject({
    code: "refused",
    message:
      "clear is of version 2 of the commands, which some member of the cluster does not know yet: start all members as a release that does",
  });
  // Clients of the first release go on.
  expect(await clientOf(first, loopback).put({ key: "a", value: "1" })).toEqual({
    seq: 2,
    result: { seq: 2 },
  });
  const old = {
    submit: async (update: Uint8Array) => ({ seq: 1, result: first.create().apply(update, 1, 2) }),
  };
  await expect(clientOf(second, { ...old, read: old.submit }).clear()).rejects.toMatchObject({
    code: "invalid",
    message:
      "the cluster's state machine does not take this clear: it knows it otherwise than this client, or not at all",
  });
});

test("another state machine's answers are noticed", async () => {
  const other = async () => ({ seq: 1, result: new Uint8Array() });
  const client = clientOf(first, { submit: other, read: other });
  const problem = { code: "invalid", message: expect.stringContaining("another state machine runs there") };
  await expect(client.put({ key: "a", value: "1" })).rejects.toMatchObject(problem);
  await expect(client.size()).rejects.toMatchObject(problem);
});
