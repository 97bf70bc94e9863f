// The process: its streams and its signals.
import { runProgram } from "./exit-status.js";
import { huntFresh, huntKnown } from "./hunt-command.js";
import { parseInvocation } from "./invocation.js";
import type { Io } from "./io.js";
import { replay } from "./replay-command.js";
import { shrinkRun } from "./shrink-command.js";

/** 128 and the signal's number, as shells have it. */
const SIGNAL_STATUS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const { stdout, stderr } = process;
const interrupt = new AbortController();
const io: Io = { stdout, stderr, interrupt: interrupt.signal };

// Nobody reads any more: `pnpm sim --seed 1 --trace | head`.
stdout.on("error", () => process.exit());
stderr.on("error", () => undefined);

await runProgram("pnpm sim", run);

/** True when nothing failed. */
async function run(args: readonly string[]): Promise<boolean> {
  const invocation = parseInvocation(args);
  switch (invocation.command) {
    case "print":
      stdout.write(`${invocation.text}\n`);
      return true;
    case "replay":
      // A run leaves no room for signals, so they end it as they end any program.
      return replay(invocation, io);
    case "shrink":
      endAtSignals();
      await shrinkRun(invocation, io);
      return false;
    case "known":
      endAtSignals();
      return huntKnown(invocation, io);
    case "hunt":
      endAtSignals();
      return huntFresh(invocation, io);
  }
}

/** The first signal asks for the summary; the second is from somebody in a hurry. */
function endAtSignals(): void {
  for (const [signal, status] of Object.entries(SIGNAL_STATUS)) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(status);
      interrupt.abort();
    });
  }
}
