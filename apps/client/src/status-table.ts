// The report on a cluster, for people and for programs.
import type { Palette } from "./palette.js";
import type { ClusterReport, ServerReport } from "./status-report.js";
import { grouped } from "./status-report.js";
import { sizeText } from "./sizes.js";
import { type Cell, table, tableWidth, wrapWords } from "./table.js";

const SNAPSHOT_HEADER = ["LOG FROM", "SNAPSHOT", "SIZE"];
const HEADER = [
  "ID",
  "ADDRESS",
  "ROLE",
  "VIEW",
  "LEADER",
  "ARU",
  "LAG",
  "APPLIED",
  "WAITING",
  "PEERS",
  ...SNAPSHOT_HEADER,
];
const ADDRESS = 1;
const FIRST_NUMBER = 3;
const PROBLEMS_HEADER = "PROBLEMS";

/** What narrow terminals do without, in this order. */
const DISPENSABLE = ["APPLIED", "WAITING", "VIEW", "SIZE", "LOG FROM", "LAG", "SNAPSHOT"];

/** An address is not cut to less. */
const MIN_ADDRESS_WIDTH = 9;

export interface TableOptions {
  readonly palette: Palette;
  /** How wide a line may be. */
  readonly columns: number;
  readonly counters: boolean;
}

/** The table, what is wrong, and the summary. No line is wider than a terminal of at least 40 columns. */
export function statusLines(report: ClusterReport, { palette, columns, counters }: TableOptions): string[] {
  const rows = [
    HEADER.map((text) => ({ text, paint: palette.faint })),
    ...report.servers.map((server) => rowOf(server, palette)),
  ];
  // Where there are none, and all of the log is held, there is nothing to be said of it.
  if (!report.servers.some(hasSnapshot)) for (const name of SNAPSHOT_HEADER) removeColumn(rows, name);
  const gap = tableWidth(rows, 2) <= columns ? 2 : 1;
  leaveOut(rows, gap, columns);
  cutAddresses(rows, tableWidth(rows, gap) - columns);
  const lines = withProblems(report, rows, gap, { palette, columns });
  if (counters) lines.push("", ...counterLines(report));
  return [...lines, "", ...wrapWords(report.summary, columns).map(paintOf(report, palette))];
}

/** A server as an object for programs. */
export function statusJson({ id, address, figures, problems }: ServerReport, counters: boolean): object {
  if (figures === undefined) {
    const [reason = ""] = problems;
    return {
      id: id ?? null,
      address,
      role: "unreachable",
      reason: reason.replace(/^unreachable: /, ""),
      problems,
    };
  }
  const { counters: counts, leader, firstSeq, snapshot, receiving, ...others } = figures;
  const { role, epoch, view, storage, storageDetail, ...rest } = others;
  return {
    id: id ?? null,
    address,
    role,
    epoch,
    view,
    leader: leader ?? null,
    ...rest,
    firstSeq: firstSeq ?? null,
    snapshot: snapshot ?? null,
    receiving: receiving ?? null,
    storage,
    ...(storageDetail === "" ? {} : { storageDetail }),
    problems,
    ...(counters ? { counters: counts } : {}),
  };
}

function rowOf({ id, address, figures, problems }: ServerReport, palette: Palette): Cell[] {
  const cell = (text: string | number, paint?: Cell["paint"]): Cell =>
    paint === undefined ? { text: String(text) } : { text: String(text), paint };
  if (figures === undefined)
    return [cell(id ?? "-"), cell(address), ...HEADER.slice(2).map(() => cell("-", palette.faint))];
  const { role, view, leader, aru, lag, applied, waiting, heard, peers, firstSeq, snapshot } = figures;
  const rolePaint = role === "leader" ? palette.leader : role === "follower" ? undefined : palette.bad;
  return [
    cell(id ?? "-", problems.length > 0 ? palette.bad : palette.good),
    cell(address),
    cell(role, rolePaint),
    cell(view),
    cell(leader ?? "-"),
    cell(aru),
    cell(lag, lag > 0 ? palette.doubtful : undefined),
    cell(applied),
    cell(waiting),
    cell(`${heard}/${peers}`, heard < peers ? palette.bad : undefined),
    cell(firstSeq ?? "-"),
    cell(snapshot?.seq ?? "-"),
    cell(snapshot === undefined ? "-" : sizeText(snapshot.bytes)),
  ];
}

/** Takes columns out until the table fits, with addresses that are cut if need be. */
function leaveOut(rows: Cell[][], gap: number, columns: number): void {
  const cut = Math.max(0, widestAddress(rows) - MIN_ADDRESS_WIDTH);
  for (const name of DISPENSABLE) {
    if (tableWidth(rows, gap) - cut <= columns) return;
    removeColumn(rows, name);
  }
}

function removeColumn(rows: Cell[][], name: string): void {
  const column = rows[0]?.findIndex(({ text }) => text === name) ?? -1;
  if (column >= 0) for (const row of rows) row.splice(column, 1);
}

function hasSnapshot({ figures }: ServerReport): boolean {
  return figures !== undefined && (figures.snapshot !== undefined || (figures.firstSeq ?? 1) > 1);
}

function widestAddress(rows: readonly (readonly Cell[])[]): number {
  return Math.max(...rows.map((row) => row[ADDRESS]?.text.length ?? 0));
}

function cutAddresses(rows: Cell[][], excess: number): void {
  if (excess <= 0) return;
  const width = Math.max(MIN_ADDRESS_WIDTH, widestAddress(rows) - excess);
  for (const row of rows) {
    const cell = row[ADDRESS];
    if (cell === undefined || cell.text.length <= width) continue;
    // The end tells hosts of one domain apart less often, but has the port.
    row[ADDRESS] = { ...cell, text: `…${cell.text.slice(1 - width)}` };
  }
}

/** What is wrong stands beside the table where there is room, else below it. */
function withProblems(
  { servers }: ClusterReport,
  rows: Cell[][],
  gap: number,
  { palette, columns }: Pick<TableOptions, "palette" | "columns">,
): string[] {
  const texts = servers.map(({ problems }) => problems.join("; "));
  const numbers = rows[0]?.map((_, column) => column).slice(FIRST_NUMBER);
  const layout = { gap, toTheRight: new Set(numbers) };
  if (texts.every((text) => text === "")) return table(rows, layout);
  const beside = rows.map((row, index) => [
    ...row,
    index === 0
      ? { text: PROBLEMS_HEADER, paint: palette.faint }
      : { text: texts[index - 1] ?? "", paint: palette.bad },
  ]);
  if (tableWidth(beside, gap) <= columns) return table(beside, layout);
  const below = servers.flatMap(({ id }, index) => {
    const text = texts[index] ?? "";
    if (text === "") return [];
    const label = `server ${id ?? "-"}: `;
    const [first = "", ...others] = wrapWords(text, columns - label.length);
    const indent = " ".repeat(label.length);
    return [label + palette.bad(first), ...others.map((line) => indent + palette.bad(line))];
  });
  return [...table(rows, layout), "", ...below];
}

function counterLines({ servers }: ClusterReport): string[] {
  const rows = servers.flatMap(({ id, address, figures }) =>
    Object.entries(figures?.counters ?? {})
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => [
        { text: `server ${id ?? address}` },
        { text: grouped(count) },
        { text: name },
      ]),
  );
  return rows.length === 0 ? ["no counters"] : table(rows, { toTheRight: new Set([1]) });
}

function paintOf({ verdict }: ClusterReport, palette: Palette): (text: string) => string {
  switch (verdict) {
    case "ok":
      return palette.good;
    case "degraded":
      return palette.doubtful;
    case "down":
      return palette.bad;
  }
}
