// Curves as SVG.

interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
  /** Whether each step upwards is a factor: where one curve would press the others to the ground. */
  readonly logY?: boolean;
}

const width = 860;
const panelHeight = 300;
const margin = { left: 70, right: 44, top: 44, bottom: 46 };
const colours = ["#1b6ca8", "#d1495b", "#3a7d44", "#8d5a97", "#c77d0a", "#4a4a4a", "#17a2a2"];
const plotWidth = width - margin.left - margin.right;
/** Curves of few points have them marked. */
const mostMarked = 20;

/** How the axis below goes. */
export interface Axis {
  readonly label: string;
  /** Whether each step to the right is a factor. */
  readonly log?: boolean;
}

/** Panels below each other, over the same axis, and what the colours mean. */
export function plot(panels: readonly Panel[], axis: Axis): string {
  const names = [...new Set(panels.flatMap(({ curves }) => curves.map(({ name }) => name)))];
  const legendHeight = 12 + 18 * Math.ceil(names.length / 2);
  const height = legendHeight + panels.length * panelHeight;
  const body = panels
    .map((panel, i) => drawPanel(panel, legendHeight + i * panelHeight, axis, names))
    .join("");
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="sans-serif" font-size="12"><rect width="${width}" height="${height}" fill="white"/>${drawLegend(names)}${body}</svg>\n`
  );
}

function drawLegend(names: readonly string[]): string {
  return names
    .map((name, i) => {
      const x = margin.left + (i % 2) * ((width - margin.left) / 2);
      const y = 12 + 18 * Math.floor(i / 2);
      return (
        `<rect x="${x}" y="${y}" width="10" height="10" fill="${colourOf(i)}"/>` +
        text(x + 15, y + 9, name, "start")
      );
    })
    .join("");
}

function drawPanel(
  { title, curves, logY = false }: Panel,
  top: number,
  axis: Axis,
  names: readonly string[],
): string {
  const all = curves.flatMap(({ points }) => points).filter(([, y]) => Number.isFinite(y));
  const [shareX, xMarks] = scaleX(
    all.map(([x]) => x),
    axis.log === true,
  );
  const [shareY, yMarks] = scaleY(
    all.map(([, y]) => y),
    logY,
  );
  const bottom = top + panelHeight - margin.bottom;
  const toX = (x: number) => margin.left + shareX(x) * plotWidth;
  const toY = (y: number) => bottom - shareY(y) * (bottom - top - margin.top);
  const grid = [
    ...yMarks.map(
      (y) =>
        `<line x1="${margin.left}" x2="${width - margin.right}" y1="${toY(y)}" y2="${toY(y)}" stroke="#ddd"/>` +
        text(margin.left - 8, toY(y) + 4, label(y), "end"),
    ),
    ...xMarks.map((x) => text(toX(x), bottom + 16, label(x), "middle")),
  ];
  const lines = curves.map(({ name, points }) => {
    const colour = colourOf(names.indexOf(name));
    const known = points.filter(([, y]) => Number.isFinite(y));
    const path = known.map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`).join(" ");
    const line = `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.6"/>`;
    if (known.length > mostMarked) return line;
    const marks = known.map(
      ([x, y]) => `<circle cx="${toX(x).toFixed(1)}" cy="${toY(y).toFixed(1)}" r="3" fill="${colour}"/>`,
    );
    return line + marks.join("");
  });
  return [
    text(margin.left, top + 24, title, "start", ' font-weight="bold"'),
    text((margin.left + width - margin.right) / 2, bottom + 36, axis.label, "middle"),
    ...grid,
    ...lines,
  ].join("");
}

/** Where a value stands, from 0 to 1, and which values are written beside the axis. */
type Scale = [share: (value: number) => number, marks: readonly number[]];

/** With factors, what was measured is written below. */
function scaleX(values: readonly number[], log: boolean): Scale {
  if (!log) return linear(Math.max(1, ...values));
  return [factors(Math.min(...values), Math.max(...values)), [...new Set(values)].toSorted((a, b) => a - b)];
}

/** With factors, from one power of ten to another, with all between. */
function scaleY(values: readonly number[], log: boolean): Scale {
  const above = values.filter((value) => value > 0);
  if (!log || above.length === 0) return linear(Math.max(1e-9, ...values));
  const lowest = Math.floor(Math.log10(Math.min(...above)));
  const highest = Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(...above))));
  const marks = Array.from({ length: highest - lowest + 1 }, (_, i) => 10 ** (lowest + i));
  const share = factors(10 ** lowest, 10 ** highest);
  return [(value) => Math.max(0, share(value)), marks];
}

function linear(most: number): Scale {
  const end = roundUp(most);
  return [(value) => value / end, [0, 1, 2, 3, 4].map((i) => (i * end) / 4)];
}

function factors(least: number, most: number): (value: number) => number {
  const span = Math.max(1e-9, Math.log(most / least));
  return (value) => Math.log(value / least) / span;
}

function colourOf(i: number): string {
  return colours[i % colours.length] as string;
}

function text(x: number, y: number, content: string, anchor: string, more = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="#333"${more}>${content}</text>`;
}

function label(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: value < 1 ? 3 : 1 });
}

/** The next of 1, 2, 3, 4, 5, 6, 8 times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) ?? 10) * power;
}
