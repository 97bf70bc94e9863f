// paxos-server backup: a running member's state into a file.
import { open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";

import { connect } from "@paxos/client";
import { ConfigError } from "@paxos/core";
import { loadHostfile } from "@paxos/hostfile";
import type { BackupPiece, Snapshot } from "@paxos/proto";

import { encodeBackup } from "./backup-file.js";
import type { Environment } from "./environment.js";
import { CommandError, DONE, FAILED } from "./exit-status.js";
import type { BackupFlags } from "./flags.js";
import { memberById } from "./membership.js";

const STANDARD_OUTPUT = "-";

/** What a backup is of. */
interface Taken {
  snapshot?: Snapshot;
}

/** Resolves with the exit status. */
export async function backUp(flags: BackupFlags, environment: Environment): Promise<number> {
  const { output, force, transport } = flags;
  const servers = await chooseServers(flags);
  const toFile = output !== STANDARD_OUTPUT;
  if (toFile && !force) await requireNew(output);
  const client = connect({ servers, transport: environment.createClientTransport(transport) });
  const { signal } = environment.interrupt;
  const [server] = servers;
  const source = client.backup({ signal, ...(servers.length > 1 || server === undefined ? {} : { server }) });
  const taken: Taken = {};
  try {
    const bytes = encodeBackup(noteSnapshot(source, taken));
    if (toFile) await writeWhole(resolve(output), bytes);
    else await pipeline(bytes, environment.stdout, { end: false });
  } catch (error) {
    if (!signal.aborted) throw error;
    environment.writeLog(`paxos-server: ${String(signal.reason)}: no backup was made\n`);
    return FAILED;
  } finally {
    await client.close();
  }
  environment.writeLog(describe(taken, toFile ? output : undefined));
  return DONE;
}

/** Of one, that is asked; of several, the first that answers. */
async function chooseServers({ server, hostfile, port, id }: BackupFlags): Promise<string[]> {
  if (server !== undefined) return [server];
  const members = await loadHostfile(hostfile, { defaultPort: port });
  const chosen = id === undefined ? members : [memberById(members, id, hostfile)];
  return chosen.map(({ address }) => address);
}

async function requireNew(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return;
  throw new ConfigError(`${file} exists already; name another file, or replace it with --force`);
}

async function* noteSnapshot(pieces: AsyncIterable<BackupPiece>, taken: Taken): AsyncGenerator<BackupPiece> {
  for await (const piece of pieces) {
    if (piece.snapshot !== undefined) taken.snapshot = piece.snapshot;
    yield piece;
  }
}

/** Makes the file, whole and durable, or nothing. */
async function writeWhole(file: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const directory = dirname(file);
  const partial = join(directory, `.${basename(file)}.${process.pid}.partial`);
  const handle = await open(partial, "w", 0o600).catch((cause: unknown) => {
    throw new ConfigError(`${file} cannot be written: ${(cause as Error).message}`, { cause });
  });
  try {
    try {
      for await (const part of bytes) await writing(file, handle.writeFile(part));
      await writing(file, handle.sync());
    } finally {
      await handle.close();
    }
    await writing(file, rename(partial, file));
    await syncDirectory(directory);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function writing(file: string, step: Promise<void>): Promise<void> {
  try {
    await step;
  } catch (cause) {
    throw new CommandError(`${file} cannot be written: ${(cause as Error).message}. No backup was made`, {
      cause,
    });
  }
}

/** From then on the file survives a loss of power under its name. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function describe({ snapshot }: Taken, file: string | undefined): string {
  const { seq = 0n, bytes = 0n } = snapshot ?? {};
  return (
    `paxos-server: the backup holds everything that was ordered up to seq ${seq}, ${bytes} bytes` +
    `${file === undefined ? "" : `; it is in ${file}`}\n`
  );
}
