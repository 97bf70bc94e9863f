#!/usr/bin/env node
// Builds what is missing, then starts the demo.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const turbo = fileURLToPath(new URL("../../node_modules/turbo/bin/turbo", import.meta.url));

/** A build that changes nothing is over by then. */
const SAY_SO_AFTER_MS = 700;

/** Resolves with whether all is built. */
function build() {
  const args = [turbo, "run", "build", "--filter=demo", "--output-logs=errors-only", "--no-color"];
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1" };
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(
      () => console.log("Building what has changed; the first time takes a while ..."),
      SAY_SO_AFTER_MS,
    );
    let output = "";
    const collect = (text) => (output += text);
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.on("error", (error) => collect(String(error)));
    child.on("close", (status) => {
      clearTimeout(timer);
      if (status !== 0) console.error(`${output}\ndemo: the build failed; the output above says why`);
      resolve(status === 0);
    });
  });
}

if (!existsSync(turbo)) {
  console.error("demo: the packages it needs are not installed; in the repository, run: pnpm install");
  process.exitCode = 1;
} else if (await build()) await import("../dist/main.js");
else process.exitCode = 1;
