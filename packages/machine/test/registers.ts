// A state machine in two releases: the second one's `put` may keep what is there, and it can clear.
import { machineOf } from "@paxos/machine";
import { z } from "zod";

const { command, query, define } = machineOf<Map<string, string>>();

const key = z.string().min(1).max(20);

const put = command(z.object({ key, value: z.string() }), (map, { key, value }, { seq }) => {
  map.set(key, value);
  return { seq };
});

const queries = {
  get: query(z.object({ key }), (map, { key }) => map.get(key)),
  size: query(z.undefined(), (map) => map.size),
};

const persistence = {
  initial: () => new Map<string, string>(),
  snapshot: (map: Map<string, string>) => [...map],
  restore: async (items: AsyncIterable<unknown>) => {
    const map = new Map<string, string>();
    for await (const item of items) map.set(...(item as [string, string]));
    return map;
  },
};

/** The first release. */
export const first = define({ ...persistence, commands: { put }, queries });

/** The second one. */
export const second = define({
  ...persistence,
  commands: {
    put: command(
      z.object({ key, value: z.string(), keep: z.boolean().default(false) }),
      (map, { key, value, keep }, { seq }) => {
        const kept = keep && map.has(key);
        if (!kept) map.set(key, value);
        return { seq, kept };
      },
      { since: 1, replaces: put },
    ),
    clear: command(z.undefined(), (map) => map.clear(), { since: 2 }),
  },
  queries,
});
