// pnpm sim --seed N
import type { ReplayFlags } from "./invocation.js";
import { type Io, writeJson, writeLines } from "./io.js";
import { perform } from "./perform.js";
import { describeCommands, describeFailure, describeRun, jsonFailure } from "./report.js";
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
  const outcome = await perform(run, await loadSubject(subject), trace ? onLine : undefined);
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
        ...describeRun(outcome.summary, outcome.busyMs),
      ]);
    }
    return true;
  }
  if (json) {
    const summary = outcome.kind === "violation" ? outcome.summary : run;
    writeJson(stdout, { ...summary, violation: jsonFailure(outcome) });
  } else {
    const finding = { run, failure: outcome, runs: 1 };
    writeLines(stdout, [...describeFailure(finding), ...describeCommands(finding, flags)]);
  }
  return false;
}
