// The built program as a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));

/** How a program ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program under way. */
export interface Program {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when standard error has the text. */
  saw(text: string): Promise<void>;
}

export function startSim(args: readonly string[]): Program {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  const watchers = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    for (const watch of watchers) watch();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
  const saw = async (text: string): Promise<void> => {
    const seen = new Promise<void>((resolve) => {
      const watch = (): void => {
        if (stderr.includes(text)) resolve();
      };
      watchers.add(watch);
      watch();
    });
    const gone = ended.then((end) => {
      throw new Error(`it ended without ${JSON.stringify(text)}: ${JSON.stringify(end)}`);
    });
    await Promise.race([seen, gone]);
  };
  return { process: child, ended, saw };
}

export async function sim(...args: readonly string[]): Promise<Ended> {
  return startSim(args).ended;
}

/** What is on the one line that it printed. */
export function onlyLine<T>({ stdout }: Ended): T {
  const [line = "", ...rest] = stdout.split("\n");
  if (rest.join("") !== "") throw new Error(`more than one line: ${stdout}`);
  return JSON.parse(line) as T;
}

/** Modules for `--with`. */
const subjects = {
  /** Its answers change once a node has been restarted twice. */
  "forgetful.mjs": `
    const starts = new Map();
    export const newWorkload = () => {
      starts.clear();
      return { next: (random) => Uint8Array.of(random.between(0, 255)) };
    };
    export const stateMachine = (id) => {
      const start = (starts.get(id) ?? 0) + 1;
      starts.set(id, start);
      return { apply: () => Uint8Array.of(start > 2 ? 1 : 0) };
    };`,
  /** Answers what no other node answers. */
  "by-the-clock.mjs": `
    export const newWorkload = () => ({ next: (random) => Uint8Array.of(random.between(0, 255)) });
    export const stateMachine = () => ({ apply: () => new TextEncoder().encode(String(Date.now())) });`,
  /** Its runs never end. */
  "endless.mjs": `
    export const newWorkload = () => ({ next: () => { for (;;); } });`,
  /** Rejects where nobody awaits. */
  "stray.mjs": `
    export const newWorkload = () => ({
      next: () => {
        void Promise.reject(new Error("nobody awaits this"));
        return new Uint8Array(1);
      },
    });`,
  /** Throws where a checker sees it. */
  "throwing.mjs": `
    export const stateMachine = () => ({ apply: () => { throw new Error("no such account"); } });`,
  /** Throws when nothing is simulated. */
  "late.mjs": `
    import { isMainThread } from "node:worker_threads";
    if (isMainThread) setTimeout(() => { throw new Error("too late"); });
    export const newWorkload = () => ({ next: () => new Uint8Array(1) });`,
  "empty.mjs": "export const other = 1;",
  "misspelt.mjs": "export const [startReplica, newWorkLoad, statemachine] = [1, 2, 3].map(() => () => ({}));",
  "no-function.mjs": "export const stateMachine = { apply: () => new Uint8Array(0) };",
} as const;

/** A directory for a test, with the modules. */
export class Directory {
  static async make(): Promise<Directory> {
    const directory = new Directory(await mkdtemp(join(tmpdir(), "paxos-sim-")));
    const write = async ([name, text]: [string, string]): Promise<void> =>
      writeFile(directory.path(name), text);
    await Promise.all(Object.entries(subjects).map(write));
    return directory;
  }

  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  path(name: string): string {
    return join(this.#root, name);
  }

  subject(name: keyof typeof subjects): string {
    return this.path(name);
  }

  async remove(): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
  }
}
