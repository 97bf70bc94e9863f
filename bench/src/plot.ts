// Curves as SVG.

interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
}

const width = 860;
const panelHeight = 300;
const margin = { left: 70, right: 44, top: 44, bottom: 46 };
const colours = ["#1b6ca8", "#d1495b", "#3a7d44", "#8d5a97"];

/** Panels below each other, over the same axis. */
export function plot(panels: readonly Panel[], xLabel: string): string {
  const height = panels.length * panelHeight;
  const body = panels.map((panel, i) => drawPanel(panel, i * panelHeight, xLabel)).join("");
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="sans-serif" font-size="12"><rect width="${width}" height="${height}" fill="white"/>${body}</svg>\n`
  );
}

function drawPanel({ title, curves }: Panel, top: number, xLabel: string): string {
  const all = curves.flatMap(({ points }) => points);
  const mostX = roundUp(Math.max(1, ...all.map(([x]) => x)));
  const mostY = roundUp(Math.max(1, ...all.map(([, y]) => y)));
  const bottom = top + panelHeight - margin.bottom;
  const toX = (x: number) => margin.left + (x / mostX) * (width - margin.left - margin.right);
  const toY = (y: number) => bottom - (y / mostY) * (bottom - top - margin.top);
  const grid = [0, 1, 2, 3, 4].map((i) => {
    const [x, y] = [(i * mostX) / 4, (i * mostY) / 4];
    return (
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${toY(y)}" y2="${toY(y)}" stroke="#ddd"/>` +
      text(margin.left - 8, toY(y) + 4, label(y), "end") +
      text(toX(x), bottom + 16, label(x), "middle")
    );
  });
  const lines = curves.map(({ points }, i) => {
    const path = points.map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`).join(" ");
    return `<polyline points="${path}" fill="none" stroke="${colours[i % colours.length]}" stroke-width="1.2"/>`;
  });
  const legend = curves.map(
    ({ name }, i) =>
      `<rect x="${width - margin.right - 90 * (curves.length - i)}" y="${top + 14}" width="10" height="10" fill="${colours[i % colours.length]}"/>` +
      text(width - margin.right - 90 * (curves.length - i) + 15, top + 23, name, "start"),
  );
  return [
    text(margin.left, top + 24, title, "start", ' font-weight="bold"'),
    text((margin.left + width - margin.right) / 2, bottom + 36, xLabel, "middle"),
    ...grid,
    ...lines,
    ...legend,
  ].join("");
}

function text(x: number, y: number, content: string, anchor: string, more = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="#333"${more}>${content}</text>`;
}

function label(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}

/** The next of 1, 2, 3, 4, 5, 6, 8 times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) ?? 10) * power;
}
