import type { State } from "./state.js";

const logEveryTicks = 100;

/** Counts input that is ignored and says why, at most once in a hundred ticks for each reason. */
export function ignore(s: State, reason: string, detail: string): void {
  const count = (s.counters.get(reason) ?? 0) + 1;
  s.counters.set(reason, count);
  const last = s.lastLogged.get(reason);
  if (last !== undefined && s.now - last < logEveryTicks) return;
  s.lastLogged.set(reason, s.now);
  s.settings.logger.warn(`ignored: ${detail} (${reason}, ${count} so far)`);
}
