// pnpm sim --seed N
import { setImmediate } from "node:timers/promises";

import { describeError } from "./describe-error.js";
import type { ReplayFlags } from "./invocation.js";
import { type Io, writeJson, writeLines } from "./io.js";
import { perform } from "./perform.js";
import { describeCommands, describeFailure, describeRun, jsonFailedRun } from "./report.js";
import type { Outcome } from "./run.js";
import { loadSubject } from "./subject.js";

/** Transcripts are long: they are written in pieces of about so many characters. */
const PIECE = 65_536;

/** Does one run. True when it passed. */
export async function replay(flags: ReplayFlags, { stdout }: Io): Promise<boolean> {
  const { run, subject, trace, json } = flags;
  let piece = "";
  const flush = (): void => {
    stdout.write(piece);
    piece = "";
  };
  const onLine = (line: string): void => {
    piece += `${line}\n`;
    if (piece.length >= PIECE) flush();
  };
  const loaded = await loadSubject(subject);
  const outcome = await withStrays(async () => perform(run, loaded, trace ? onLine : undefined));
  if (trace) {
    onLine("");
    flush();
  }
  if (outcome.kind === "passed") {
    if (json) writeJson(stdout, outcome.summary);
    else {
      writeLines(stdout, [
        `Seed ${run.seed} of profile ${run.profile}: no violation`,
        "",
        ...describeRun(outcome.summary),
      ]);
    }
    return true;
  }
  const finding = { run, failure: outcome, runs: 1 };
  if (json) writeJson(stdout, jsonFailedRun(finding, flags));
  else writeLines(stdout, [...describeFailure(finding), ...describeCommands(finding, flags)]);
  return false;
}

/** What is thrown meanwhile where nobody awaits it is the run's doing, as it is in a thread. */
async function withStrays(simulation: () => Promise<Outcome>): Promise<Outcome> {
  const strays: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => strays.push(error));
  try {
    const outcome = await simulation();
    await setImmediate();
    const { busyMs } = outcome;
    return strays.length === 0 ? outcome : { kind: "broken", reason: describeError(strays[0]), busyMs };
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
}
