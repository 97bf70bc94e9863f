#!/usr/bin/env node
try {
  await import("../dist/main.js");
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error(
    `paxos-server: not built: ${error.message}\npaxos-server: in the repository, run: pnpm build`,
  );
  process.exitCode = 1;
}
