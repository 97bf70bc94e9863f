// How long a thread has worked.
const { threadCpuUsage } = process as typeof process & { threadCpuUsage?: () => NodeJS.CpuUsage };

/** What it is measured by: older versions of Node do not tell a thread's CPU time. */
export const threadTimeKind = threadCpuUsage === undefined ? "real time" : "CPU time";

/** Milliseconds since some point in time. */
export function threadTime(): number {
  if (threadCpuUsage === undefined) return performance.now();
  const { user, system } = threadCpuUsage.call(process);
  return (user + system) / 1000;
}
