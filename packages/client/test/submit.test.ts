import { expect, test } from "@jest/globals";
import { connect } from "../src/index.js";
import { ScriptedTransport } from "./scripted-transport.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("updates are sent under a registered session and resolve with seq and result", async () => {
  const transport = new ScriptedTransport();
  let seq = 6;
  transport.onCall = (call) => call.answer(++seq, { result: call.update.update });
  const client = connect({ servers: ["a:1"], transport });
  const ordered = await Promise.all(["x", "y", "z"].map((text) => client.submit(bytes(text))));
  expect(ordered).toEqual([
    { outcome: "ordered", seq: 8, result: bytes("x") },
    { outcome: "ordered", seq: 9, result: bytes("y") },
    { outcome: "ordered", seq: 10, result: bytes("z") },
  ]);
  expect(transport.calls.map(({ update }) => [update.kind, update.session, update.timestamp])).toEqual([
    [1, 0n, 0n],
    [0, 7n, 1n],
    [0, 7n, 2n],
    [0, 7n, 3n],
  ]);
  await client.close();
});
