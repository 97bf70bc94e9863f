import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the repository. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Runs a program that is installed in `cwd`, in the repository or (buf) in packages/proto, or any other on the PATH.
 * Its output goes to the terminal, or is collected when `quiet` is set. With `onSpawn` it leads a process group of its own, and who
 * is told of it sees to its end.
 *
 * @typedef {import("node:child_process").ChildProcess} ChildProcess
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, quiet?: boolean, onSpawn?: (child: ChildProcess) => void }} [options]
 * @returns {Promise<{ status: number, output: string }>}
 */
export function runTool(program, args, { cwd = root, quiet = false, onSpawn } = {}) {
  return new Promise((resolve, reject) => {
    const bins = [cwd, root, join(root, "packages", "proto")].map((folder) =>
      join(folder, "node_modules", ".bin"),
    );
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, PATH: [...bins, process.env["PATH"]].join(delimiter) },
      stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
      // Windows starts the .cmd files in .bin by its shell only.
      shell: bins.some((folder) => existsSync(join(folder, `${program}.cmd`))),
      detached: onSpawn !== undefined && process.platform !== "win32",
    });
    onSpawn?.(child);
    let output = "";
    const collect = (/** @type {Buffer} */ chunk) => (output += chunk.toString());
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.on("error", (error) => reject(new Error(`${program} could not be started: ${error.message}`)));
    child.on("close", (code) => resolve({ status: code ?? 1, output }));
  });
}

/**
 * Runs pnpm, the very one that runs this script if any.
 *
 * @param {readonly string[]} args
 * @param {Parameters<typeof runTool>[2]} [options]
 */
export function runPnpm(args, options) {
  const path = process.env["npm_execpath"] ?? "";
  return /pnpm[^/\\]*\.[cm]?js$/.test(path)
    ? runTool(process.execPath, [path, ...args], options)
    : runTool("pnpm", args, options);
}
