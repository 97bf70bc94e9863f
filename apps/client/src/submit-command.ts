// The default command: sends lines, typed or piped.
import type { Context } from "./context.js";
import type { SubmitFlags } from "./flags.js";
import { submitInteractively } from "./interactive.js";
import { submitPiped } from "./piped.js";
import { type Probe, Servers, describeServer } from "./servers.js";
import { Submitter } from "./submit.js";

/** Connects to all servers, says which were reached, and sends lines. Resolves with the exit status. */
export async function submitCommand(context: Context, flags: SubmitFlags): Promise<number> {
  const { members, transport, environment, output } = context;
  const servers = new Servers(members, transport, environment);
  const probes = await servers.connect();
  if (environment.interrupt.signal.aborted) return 1;
  output.note(describeReached(probes));
  const submitter = new Submitter({
    servers,
    transport,
    environment,
    timeoutMs: flags.timeoutMs,
    onFailure: (line) => output.note(line),
    onAttempt: (line) => {
      if (flags.verbose) output.note(line);
    },
  });
  return environment.stdin.isTTY === true
    ? submitInteractively(context, flags, submitter)
    : submitPiped(context, flags, submitter);
}

function describeReached(probes: readonly Probe[]): string {
  const reached: string[] = [];
  const missed: string[] = [];
  for (const probe of probes) {
    const server = describeServer(probe.member);
    if ("status" in probe) reached.push(server);
    else missed.push(`${server}: ${probe.reason}`);
  }
  const first = reached.length === 0 ? "reached no server" : `reached ${reached.join(", ")}`;
  return missed.length === 0 ? first : `${first}; not reached: ${missed.join(", ")}`;
}
