// The program, from its arguments to its exit status.
import { backUp } from "./backup-command.js";
import type { Environment } from "./environment.js";
import { DONE, statusOf } from "./exit-status.js";
import { parseFlags } from "./flags.js";
import { inspect } from "./inspect-command.js";
import { recover } from "./recover-command.js";
import { restore } from "./restore-command.js";
import { serve } from "./serve.js";

/** Resolves with the exit status. Rejects only when the program itself is wrong. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  try {
    const invocation = parseFlags(args);
    switch (invocation.command) {
      case "print":
        environment.writeOutput(`${invocation.text}\n`);
        return DONE;
      case "serve":
        return await serve(invocation.flags, environment);
      case "backup":
        return await backUp(invocation.flags, environment);
      case "restore":
        return await restore(invocation.flags, environment);
      case "recover":
        return await recover(invocation.flags, environment);
      case "inspect":
        return await inspect(invocation.flags, environment);
    }
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw error;
    environment.writeLog(`paxos-server: ${(error as Error).message}\n`);
    return status;
  }
}
