// The README's example compiles, runs against a cluster of real replicas, and prints what the README says.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { firstEpoch } from "@paxos/core";
import { startReplica, type Replica } from "@paxos/replica";
import { MemoryStorage } from "@paxos/storage-level";
import { ConnectReplicaTransport } from "@paxos/transport-connect";
import ts from "typescript";

const root = fileURLToPath(new URL("..", import.meta.url));
let directory = "";
let file = "";
let example = "";
let printed = "";
let replicas: Replica[] = [];

beforeAll(async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  [, example = "", printed = ""] = /```ts\n([\s\S]*?)```[\s\S]*?```\n([\s\S]*?)```/.exec(readme) ?? [];
  const addresses = await freeAddresses(3);
  replicas = await Promise.all(addresses.map((_, nodeId) => startCounter(addresses, nodeId)));
  // Inside the package, so that its own name resolves there.
  directory = await mkdtemp(join(root, "test", "readme-"));
  file = join(directory, "example.ts");
  await writeFile(
    file,
    example.replace(/127\.0\.0\.1:\d+/g, () => addresses.pop() ?? ""),
  );
}, 60_000);
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await rm(directory, { recursive: true });
});

test("the example has no type errors", () => {
  const host = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic: ts.Diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
    },
  };
  const config = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.json"), {}, host);
  const program = ts.createProgram([file], config?.options ?? {});
  const source = program.getSourceFile(file);
  const errors = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  expect(errors.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
}, 60_000);

test("the example runs and prints what the README says", async () => {
  const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    await import(file);
    expect(`${log.mock.calls.map(([line]) => String(line)).join("\n")}\n`).toBe(printed);
  } finally {
    log.mockRestore();
  }
}, 60_000);

function startCounter(addresses: readonly string[], nodeId: number): Promise<Replica> {
  let count = 0;
  const transport = new ConnectReplicaTransport();
  return startReplica({
    nodeId,
    epochRecord: firstEpoch([...addresses]),
    stateMachine: { apply: (update) => Uint8Array.of((count += update[0] ?? 0)) },
    storage: new MemoryStorage(),
    transport,
    clientListener: transport,
  });
}

/** Held together until all are known, so that they differ. */
async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done))),
  );
  const addresses = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return addresses;
}
