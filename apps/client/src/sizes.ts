// Sizes in people's units.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes in the largest unit of which there is one or more: two digits that count, or more before the point. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // What would be rounded to 1024 is one of the next.
  for (; Math.round(value) >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
