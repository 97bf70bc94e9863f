import { readFileSync } from "node:fs";

/** Seconds of processor time that a process has taken. Linux only: elsewhere NaN. */
export function processorTimeOf(pid: number | undefined): number {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return Number.NaN;
  }
  // Behind the name, which may hold anything: the 12th and 13th field, in hundredths of a second.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) / 100;
}
