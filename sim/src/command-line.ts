// Commands for people to copy.
import type { FreshSeeds } from "./plan.js";
import type { Run } from "./run.js";

/** Flags that change what is simulated, besides the run itself. */
export interface Subject {
  /** The module of `--with`. */
  readonly subject?: string;
}

/** The command that does a run again. */
export function replayCommand(run: Run, { subject }: Subject): string {
  const { seed, profile, nodes, faults, faultsUntilMs } = run;
  return command([
    ["seed", seed],
    ["profile", profile],
    ["nodes", nodes],
    ["faults", faults && (faults.length === 0 ? "none" : faults.join(","))],
    ["faults-until-ms", faultsUntilMs],
    ["with", subject],
  ]);
}

/** The command that makes a failing run smaller. */
export function shrinkCommand(run: Run, subject: Subject): string {
  return `${replayCommand(run, subject)} --shrink`;
}

/** The command that goes on with fresh seeds. */
export function goOnCommand(
  { profiles, from, runs, nodes }: FreshSeeds,
  { subject, restricted }: Subject & { readonly restricted: boolean },
): string {
  return command([
    ["from", from],
    ["runs", Number.isFinite(runs) ? runs : undefined],
    ...(restricted ? profiles.map((name) => ["profile", name] as const) : []),
    ["nodes", nodes],
    ["with", subject],
  ]);
}

function command(flags: readonly (readonly [name: string, value: string | number | undefined])[]): string {
  const given = flags.flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${quote(value)}`]));
  return ["pnpm sim", ...given].join(" ");
}

function quote(value: string | number): string {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
