// lock status: who holds what.
import type { LocksMachine } from "./lock.js";

/** A clock that is ahead of this machine's by more is worth a word. */
const NOTABLE_MS = 5_000;

export async function* statusLines(
  machine: LocksMachine,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let after: string | undefined = "";
  let clock = 0;
  let none = true;
  while (after !== undefined) {
    const { result } = await machine.list({ prefix, after, now: Date.now() }, { signal });
    for (const { name, holder, waiting } of result.locks) {
      none = false;
      const held =
        holder &&
        `held by ${holder.owner}, token ${holder.token}, for ${Math.ceil(holder.expiresInMs / 1000)} s more`;
      const value = holder?.value === undefined ? "" : `, value ${JSON.stringify(holder.value)}`;
      yield `${name}: ${held ?? "free"}${value}${waiting === 0 ? "" : `, ${waiting} waiting`}`;
    }
    ({ clock } = result);
    after = result.more ? result.locks.at(-1)?.name : undefined;
  }
  if (none) yield `no lock ${prefix === "" ? "" : `whose name begins with ${prefix} `}is held`;
  const ahead = clock - Date.now();
  if (ahead > NOTABLE_MS)
    yield `warning: some client's clock was ${Math.round(ahead / 1000)} s ahead of this machine's: until then no lease expires. Mend it, then: lock reset-clock`;
}
