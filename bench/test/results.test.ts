import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { plot } from "../src/plot.js";
import type { Report } from "../src/report.js";
import { readReports, resultsPage, writeResults } from "../src/results.js";
import { medianOf, percentile, spread } from "../src/statistics.js";
import { toMarkdown } from "../src/table.js";

const report: Report = {
  part: "cluster",
  command: "pnpm bench cluster --runs 3",
  about: "Three servers.",
  tables: [
    {
      title: "Updates per second",
      columns: ["in flight", "1"],
      rows: [
        ["ours", 12345.6],
        ["theirs", Number.NaN],
      ],
    },
  ],
  charts: [
    {
      name: "cluster",
      xLabel: "in flight",
      logX: true,
      panels: [
        {
          title: "updates per second",
          curves: [
            {
              name: "ours",
              points: [
                [1, 10],
                [1024, 40],
              ],
            },
          ],
        },
      ],
    },
  ],
  targets: [
    { what: "throughput", wanted: "at least 8 times", measured: "3 times", met: false },
    { what: "latency", wanted: "at most 1 ms", measured: "0.5 ms", met: true },
  ],
};

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "paxos-results-"))));
afterEach(() => rm(folder, { recursive: true }));

test("the page begins with all targets, and has each part with its command, charts and tables", () => {
  expect(resultsPage([report], "A machine.").split("\n")).toEqual([
    "# Results",
    "",
    expect.stringContaining("pnpm bench results"),
    "",
    "A machine.",
    "",
    "**Targets**",
    "",
    "| what | target | measured |  |",
    "| --- | --- | --- | --- |",
    "| throughput | at least 8 times | 3 times | MISSED |",
    "| latency | at most 1 ms | 0.5 ms | met |",
    "",
    "## cluster",
    "",
    "Three servers.",
    "",
    "```sh",
    "pnpm bench cluster --runs 3",
    "```",
    "",
    "![updates per second](results/cluster.svg)",
    "",
    "**Updates per second**",
    "",
    "| in flight | 1 |",
    "| --- | ---: |",
    "| ours | 12,346 |",
    "| theirs | - |",
    "",
  ]);
});

test("reports that were written as JSON make the same page, in the order of the parts", async () => {
  await writeFile(join(folder, "cluster.json"), JSON.stringify(report));
  await writeFile(join(folder, "core.json"), JSON.stringify({ ...report, part: "core", charts: [] }));
  const reports = await readReports(folder, ["core", "codec", "cluster"]);
  expect(reports.map(({ part }) => part)).toEqual(["core", "cluster"]);
  await writeResults(join(folder, "RESULTS.md"), reports, "A machine.");
  expect(await readFile(join(folder, "RESULTS.md"), "utf8")).toBe(resultsPage(reports, "A machine."));
  expect(reports[1]).toEqual(report);
  expect(await readFile(join(folder, "results", "cluster.svg"), "utf8")).toMatch(/^<svg /);
});

test("a chart has a curve for each name, and factors to the right when it is asked to", () => {
  const panels = report.charts[0]?.panels ?? [];
  const even = plot(panels, { label: "in flight" });
  const factors = plot(panels, { label: "in flight", log: true });
  for (const svg of [even, factors]) {
    expect(svg.match(/<polyline/g)).toHaveLength(1);
    expect(svg.match(/<circle/g)).toHaveLength(2);
    expect(svg).toContain(">ours</text>");
  }
  const firstX = (svg: string) => Number(/points="([\d.]+),/.exec(svg)?.[1]);
  // On a scale of factors the least value stands at the left edge.
  expect(firstX(factors)).toBe(70);
  expect(firstX(even)).toBeGreaterThan(70);
});

test("a panel goes upwards in factors when it is asked to, from one power of ten to another", () => {
  const points = [
    [1, 10],
    [16, 100],
    [256, 1000],
  ] as const;
  const svg = plot([{ title: "p99, ms", curves: [{ name: "ours", points }], logY: true }], { label: "" });
  const heights = [...svg.matchAll(/cy="([\d.]+)"/g)].map(([, y]) => Number(y));
  const [low = 0, middle = 0, high = 0] = heights;
  // SVG counts downwards.
  expect(low - middle).toBeCloseTo(middle - high);
  for (const mark of ["10", "100", "1,000"]) expect(svg).toContain(`>${mark}</text>`);
  expect(svg).not.toContain(">1</text>");
});

test("medians, percentiles and spreads", () => {
  expect(medianOf([5, 1, 3])).toBe(3);
  expect(spread([4, 1, 3, 2])).toEqual([1, 3, 4, 4]);
  expect(percentile([1, 2, 3, 4], 0.99)).toBe(4);
  expect(medianOf([])).toBeNaN();
});

test("numbers in tables have as many digits as say something", () => {
  const rows = [[1234567.8], [99.94], [9.994], [0.5]];
  const lines = toMarkdown({ title: "t", columns: ["n"], rows })
    .split("\n")
    .slice(4, 8);
  expect(lines).toEqual(["| 1,234,568 |", "| 99.9 |", "| 9.99 |", "| 0.50 |"]);
});
