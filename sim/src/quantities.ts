// Numbers and times, for people.

/** 1,234,567 */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Four figures at most: 950, 9.5k, 95k, 1.2M. */
export function compact(value: number): string {
  if (value < 1000) return String(Math.round(value));
  const [unit, size] = value < 999_500 ? ["k", 1e3] : value < 999_500_000 ? ["M", 1e6] : ["G", 1e9];
  const scaled = value / Number(size);
  return `${scaled < 9.95 ? scaled.toFixed(1) : String(Math.round(scaled))}${unit}`;
}

/** With as many figures as say something: 0.25, 8.4, 62. */
export function rate(value: number): string {
  if (value >= 9.95) return grouped(value);
  return value >= 0.995 || value === 0 ? value.toFixed(1) : value.toFixed(2);
}

export function megabytes(bytes: number): string {
  return `${grouped(bytes / 2 ** 20)} MB`;
}

/** 12 s; 3 min 4 s; 2 h 5 min; 3 days 4 h. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 2 * 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(ms / 3_600_000);
  return `${grouped(Math.floor(hours / 24))} days ${hours % 24} h`;
}

/** 1 run, 2 runs. */
export function count(amount: number, one: string, many = `${one}s`): string {
  return `${grouped(amount)} ${amount === 1 ? one : many}`;
}
