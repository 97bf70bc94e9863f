// The command that waits.
import type { Member } from "./cluster.js";
import type { Stage } from "./stage.js";
import { integer, UsageError, type Words } from "./stage-words.js";

/** Ticks until a condition holds, and says how long that took. @throws Error when it takes too long. */
export function until(stage: Stage, words: Words): void {
  const at = words.indexOf("within");
  const bound = at < 0 ? 1000 : integer(words[at + 1] ?? "");
  const [what = "", ...rest] = at < 0 ? words : words.slice(0, at);
  const update = what === "ordered" ? rest.shift() : undefined;
  const epoch = what === "epoch" ? integer(rest.shift() ?? "") : undefined;
  const wanted = what === "leads" ? integer(rest[0] ?? "") : undefined;
  const ids = rest.map(integer);
  const members = (): Member[] => stage.members(ids.length > 1 || what !== "leads" ? ids : []);
  const holds = (): string | undefined => {
    const statuses = members().map(({ id }) => stage.cluster.status(id));
    switch (what) {
      case "leader":
      case "leads": {
        const leader = statuses.find(
          ({ role, nodeId }) => role === "leader" && (wanted === undefined || nodeId === wanted),
        );
        if (leader === undefined || statuses.some((status) => status.leader !== leader.nodeId))
          return undefined;
        return `node ${leader.nodeId} leads view ${leader.view}`;
      }
      case "ordered": {
        const done = members().every(({ applied }) =>
          applied.some((u) => `${u.clientId}/${u.timestamp}` === update),
        );
        return done ? `${update} is ordered` : undefined;
      }
      case "level": {
        const arus = new Set(statuses.map(({ aru }) => aru));
        return arus.size === 1 ? `all have ARU ${[...arus].join()}` : undefined;
      }
      case "epoch":
        return statuses.every((status) => status.epoch === epoch) ? `all are in epoch ${epoch}` : undefined;
      case "retired":
        return statuses.every(({ retired }) => retired) ? `${ids.join(", ")} retired` : undefined;
      default:
        throw new UsageError(`"${what}" is no condition`);
    }
  };
  const from = stage.now;
  for (;;) {
    const result = holds();
    if (result !== undefined) return stage.say(`after ${stage.now - from} ticks: ${result}`);
    if (stage.now - from === bound) throw new Error(`not within ${bound} ticks`);
    stage.tick([]);
  }
}
