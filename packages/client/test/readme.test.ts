// The README's examples compile, run one after the other against a cluster of real replicas, and print what the README says.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { firstEpoch } from "@paxos/core";
import type { Replica } from "@paxos/replica";
import { ConnectClientTransport } from "@paxos/transport-connect";
import ts from "typescript";
import { connect } from "../src/index.js";
import { freeAddresses, startCounter } from "./counter-replica.js";

const root = fileURLToPath(new URL("..", import.meta.url));
let directory = "";
let examples: { readonly file: string; readonly printed: string }[] = [];
let addresses: string[] = [];
let replicas: Replica[] = [];

beforeAll(async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  addresses = await freeAddresses(3);
  const epochRecord = firstEpoch(addresses);
  replicas = await Promise.all(addresses.map((_, nodeId) => startCounter(nodeId, { epochRecord })));
  // Inside the package, so that its own name resolves there.
  directory = await mkdtemp(join(root, "test", "readme-"));
  const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```[\s\S]*?```\n([\s\S]*?)```/g)];
  examples = await Promise.all(
    blocks.map(async ([, example = "", printed = ""], index) => {
      const file = join(directory, `example-${index}.ts`);
      const addressOf = (_: string, port: string): string => addresses[Number(port) - 2346] ?? "";
      await writeFile(file, example.replace(/127\.0\.0\.1:(\d+)/g, addressOf));
      return { file, printed };
    }),
  );
}, 60_000);
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await rm(directory, { recursive: true });
});

test("there are three examples, without type errors", () => {
  expect(examples).toHaveLength(3);
  const host = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic: ts.Diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
    },
  };
  const config = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.json"), {}, host);
  const files = examples.map(({ file }) => file);
  const program = ts.createProgram(files, config?.options ?? {});
  const errors = files
    .map((file) => program.getSourceFile(file))
    .flatMap((source) => [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ]);
  expect(errors.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
}, 60_000);

test("the examples run and print what the README says", async () => {
  for (const { file, printed } of examples) {
    await allApplied();
    const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
    try {
      await import(file);
      const lines = log.mock.calls.map(([line]) => `${String(line)}\n`).join("");
      expect(withoutSeqs(lines)).toBe(withoutSeqs(printed));
    } finally {
      log.mockRestore();
    }
  }
}, 60_000);

/** Whoever leads first orders a no-op, and more than one may have tried. */
const withoutSeqs = (text: string): string => text.replaceAll(/seq \d+/g, "seq N");

/** Waits until all replicas have applied what any of them has, and that is something. */
async function allApplied(): Promise<void> {
  await using client = connect({ servers: addresses, transport: new ConnectClientTransport() });
  for (;;) {
    const statuses = await client.status();
    const applied = statuses.map((one) => ("status" in one ? one.status.appliedSeq : 0n));
    if (applied[0] !== 0n && applied.every((seq) => seq === applied[0])) return;
  }
}
