// The page of results: reports as Markdown, and their charts as SVG beside it.
import { execFileSync } from "node:child_process";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { arch, cpus, release, totalmem, type as system } from "node:os";
import { dirname, join } from "node:path";
import { plot } from "./plot.js";
import { targetTable, type Report } from "./report.js";
import { toMarkdown } from "./table.js";

/** The reports of a folder, made with `pnpm bench PART --json > PART.json`; in the order of `parts`. */
export async function readReports(folder: string, parts: readonly string[]): Promise<Report[]> {
  const names = await readdir(folder);
  const reports: Report[] = [];
  for (const part of parts)
    if (names.includes(`${part}.json`))
      reports.push(parse(await readFile(join(folder, `${part}.json`), "utf8")));
  return reports;
}

/** What was not measured is no number, which JSON does not know. */
function parse(json: string): Report {
  return JSON.parse(json, (_, value: unknown) => (value === null ? Number.NaN : value)) as Report;
}

/** Writes the page, and its charts into the folder `results` beside it. */
export async function writeResults(page: string, reports: readonly Report[], about: string): Promise<void> {
  const charts = join(dirname(page), "results");
  await mkdir(charts, { recursive: true });
  for (const { name, panels, xLabel, logX = false } of reports.flatMap((report) => report.charts))
    await writeFile(join(charts, `${name}.svg`), plot(panels, { label: xLabel, log: logX }));
  await writeFile(page, resultsPage(reports, about));
}

export function resultsPage(reports: readonly Report[], about: string): string {
  const targets = reports.flatMap((report) => report.targets);
  return [
    "# Results",
    "",
    "Made by `pnpm bench results`; not edited by hand. Ratios within one run count: absolute figures differ between machines and days.",
    "",
    about,
    "",
    toMarkdown(targetTable(targets)),
    ...reports.map(section),
  ].join("\n");
}

function section({ part, about, command, tables, charts }: Report): string {
  return [
    `## ${part}`,
    "",
    about,
    "",
    "```sh",
    command,
    "```",
    "",
    ...charts.flatMap(({ name, panels }) => [
      `![${panels.map(({ title }) => title).join("; ")}](results/${name}.svg)`,
      "",
    ]),
    ...tables.map(toMarkdown),
  ].join("\n");
}

/** The machine and what was measured on it, in a sentence each. */
export function describeMachine(): string {
  const [first] = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return [
    `Day: ${new Date().toISOString().slice(0, 10)}. Commit: ${commit()}.`,
    `Machine: ${cpus().length} cores (${first?.model ?? "unknown"}), ${memory} GiB, ${system()} ${release()}, ${arch()}. Node ${process.version}.`,
  ].join("\n");
}

function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
