// The commands of transcripts.
import type { Config } from "../src/config.js";
import type { Member } from "./cluster.js";
import { forge } from "./stage-forgery.js";
import { admit, change, changeUsage, join, meet, members } from "./stage-membership.js";
import { messageKinds, type Stage } from "./stage.js";
import { compact, copyDisk, failDisk, loseDisk, putCopyBack, takeSnapshot } from "./stage-storage.js";
import { describeApplied, describeDisk, describeStatus } from "./stage-text.js";
import { until } from "./stage-until.js";
import { integer, links, need, select, UsageError, type Words } from "./stage-words.js";

interface Command {
  /** The words that follow the name. */
  readonly usage: string;
  run(stage: Stage, words: Words): void;
}

/** Runs one line. @throws Error when the line is malformed, impossible, or demands what does not hold. */
export function runCommand(stage: Stage, line: string): void {
  const [name = "", ...words] = line.split(/\s+/);
  const command = commands.get(name);
  if (command === undefined)
    throw new Error(`there is no such command; there are ${[...commands.keys()].join(", ")}`);
  try {
    command.run(stage, words);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new Error(`${error.message}; usage: ${name} ${command.usage}`, { cause: error });
  }
}

type Option = Exclude<keyof Config, "nodeId" | "epochRecord" | "clusterId" | "logger" | "incarnation">;

const options: Readonly<Record<string, Option>> = {
  heartbeat: "heartbeatTicks",
  progress: "progressTicks",
  window: "windowUpdates",
  run: "runUpdates",
  "catch-up-bytes": "catchUpBytes",
  seed: "seed",
};

function cluster(stage: Stage, [size = "", ...words]: Words): void {
  const config: Partial<Record<Option, number>> = {};
  for (const word of words) {
    const [name = "", value = ""] = word.split("=");
    const key = options[name];
    if (key === undefined) throw new UsageError(`${name} is no option`);
    config[key] = integer(value);
  }
  stage.makeCluster(integer(size), config);
}

/**
 * Starts all nodes and brings them to the point where a leader is followed and everything is saved; tells the
 * result alone.
 */
function form(stage: Stage): void {
  stage.silently(() => {
    start(stage, []);
    const formed = (): boolean => {
      const statuses = stage.cluster.up.map(({ id }) => stage.cluster.status(id));
      return statuses.every(
        (s) => s.leader !== undefined && s.storesRecorded && s.durableAru > 0 && s.durableAru === s.aru,
      );
    };
    while (!formed()) {
      if (stage.now === 1000) throw new Error("not formed within 1000 ticks");
      stage.tick([]);
    }
  });
  const leader = stage.cluster.leader();
  stage.say(`after ${stage.now} ticks: node ${leader} leads view ${stage.cluster.status(leader ?? 0).view}`);
}

function start(stage: Stage, words: Words): void {
  const down = stage.cluster.members.filter((member) => member.node === undefined).map((member) => member.id);
  const ids = words.length > 0 ? words.map(integer) : down;
  for (const id of ids) if (!down.includes(id)) throw new Error(`node ${id} is up or does not exist`);
  stage.cluster.start(...ids);
}

function restart(stage: Stage, words: Words): void {
  for (const { id, disk } of stage.members(words.map(integer))) {
    if (disk.state === undefined) throw new Error(`node ${id} has never saved anything; start it`);
    start(stage, [String(id)]);
  }
}

function tick(stage: Stage, [count = "1", ...ids]: Words): void {
  for (let i = integer(count); i > 0; i--) stage.tick(ids.map(integer));
}

function deliver(stage: Stage, words: Words): void {
  if (words.length === 0) return stage.deliverAll();
  const one = words[0] === "one";
  const selection = select(one ? words.slice(1) : words);
  const count = one ? 1 : stage.count(selection);
  for (let i = 0; i < count; i++) {
    if (!stage.deliverNext(selection)) throw new Error("there is no such message on its way");
  }
  if (count === 0) throw new Error("there is no such message on its way");
}

function lose(stage: Stage, words: Words): void {
  const one = words[0] === "one";
  stage.lose(select(one ? words.slice(1) : words), one ? 1 : Infinity);
}

function propose(stage: Stage, [node = "", id = "", ...text]: Words): void {
  const [, clientId, timestamp] = /^(\d+)\/(\d+)$/.exec(id) ?? [];
  if (clientId === undefined || timestamp === undefined)
    throw new UsageError(`"${id}" is no CLIENT/TIMESTAMP`);
  const result = stage.cluster.propose(integer(node), BigInt(clientId), BigInt(timestamp), text.join(" "));
  if (result !== "queued") stage.say(`${node} answers ${result}`);
}

function crash(stage: Stage, words: Words): void {
  for (const { id, node, pending } of stage.members(need(words).map(integer))) {
    if (node === undefined) throw new Error(`node ${id} is down`);
    stage.say(`${id} is down${pending === undefined ? "" : `; save #${pending.number} is lost`}`);
    stage.cluster.crash(id);
  }
}

function cut(stage: Stage, words: Words): void {
  for (const { from, to } of links(words)) stage.cluster.cut(from, to);
}

function heal(stage: Stage, words: Words): void {
  if (words.length === 0) return stage.cluster.heal();
  for (const { from, to } of links(words)) {
    if (!stage.cluster.cuts.delete(`${from}>${to}`)) throw new Error(`${from}>${to} was not cut`);
  }
}

function release(stage: Stage, words: Words): void {
  const given = JSON.stringify(select(need(words)));
  const at = stage.holds.findIndex((held) => JSON.stringify(held) === given);
  if (at < 0) throw new Error("that is not held");
  stage.holds.splice(at, 1);
}

/** Demands that these nodes, or all that are up, have applied the same, and shows it. */
function agree(stage: Stage, words: Words): void {
  const logs = stage
    .members(words.map(integer))
    .map(({ id, applied }) => ({ id, text: applied.map(describeApplied).join(", ") }));
  const different = logs.find(({ text }) => text !== logs[0]?.text);
  if (different !== undefined) {
    throw new Error(`node ${logs[0]?.id} has ${logs[0]?.text}; node ${different.id} has ${different.text}`);
  }
  stage.say(`${logs.map(({ id }) => id).join(", ")}: ${logs[0]?.text ?? ""}`);
}

function setHidden(hide: boolean): Command["run"] {
  return (stage, words) => {
    for (const word of need(words)) {
      if (!["messages", "saves", "applied", "logs", ...messageKinds].includes(word))
        throw new UsageError(`"${word}" is unknown`);
      if (hide) stage.hidden.add(word);
      else stage.hidden.delete(word);
    }
  };
}

function forEachNode(run: (stage: Stage, member: Member) => void): Command["run"] {
  return (stage, words) => {
    for (const member of stage.members(words.map(integer))) run(stage, member);
  };
}

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["cluster", { usage: `SIZE [${Object.keys(options).join("=N ")}=N]`, run: cluster }],
  ["start", { usage: "[NODE...]", run: start }],
  ["form", { usage: "", run: form }],
  ["restart", { usage: "NODE...", run: (stage, words) => restart(stage, need(words)) }],
  ["tick", { usage: "[COUNT [NODE...]]", run: tick }],
  [
    "until",
    {
      usage:
        "leader [NODE...] | leads LEADER [NODE...] | level [NODE...] | epoch EPOCH [NODE...] | retired NODE... | ordered CLIENT/TIMESTAMP [NODE...] [within TICKS]",
      run: until,
    },
  ],
  ["deliver", { usage: "[[one] [KIND] [A>B]]", run: deliver }],
  ["propose", { usage: "NODE CLIENT/TIMESTAMP TEXT", run: propose }],
  ["crash", { usage: "NODE...", run: crash }],
  ["cut", { usage: "A>B... | NODE NODE...", run: cut }],
  ["isolate", { usage: "NODE", run: (stage, [id = ""]) => stage.cluster.isolate(integer(id)) }],
  ["heal", { usage: "[A>B... | NODE NODE...]", run: heal }],
  ["hold", { usage: "[KIND] [A>B]", run: (stage, words) => stage.holds.push(select(need(words))) }],
  ["release", { usage: "[KIND] [A>B]", run: release }],
  ["lose", { usage: "[one] [KIND] [A>B]", run: (stage, words) => lose(stage, need(words)) }],
  ["forge", { usage: "A>B Prepare epoch=N view=N aru=N", run: forge }],
  ["slow-disk", { usage: "NODE...", run: forEachNode((_, member) => (member.slowDisk = true)) }],
  [
    "fast-disk",
    {
      usage: "NODE...",
      run: forEachNode((stage, member) => {
        member.slowDisk = false;
        stage.cluster.flush(member.id);
      }),
    },
  ],
  [
    "flush",
    {
      usage: "NODE...",
      run: (stage, words) => need(words).forEach((id) => stage.cluster.flush(integer(id))),
    },
  ],
  ["lose-disk", { usage: "NODE...", run: loseDisk }],
  ["copy-disk", { usage: "NODE", run: copyDisk }],
  ["older-disk", { usage: "NODE", run: putCopyBack }],
  ["fail-disk", { usage: "NODE...", run: failDisk }],
  ["snapshot", { usage: "NODE...", run: takeSnapshot }],
  ["compact", { usage: "NODE [TAIL]", run: compact }],
  ["admit", { usage: "NODE PEER", run: admit }],
  ["meet", { usage: "[NODE...]", run: meet }],
  ["join", { usage: "NODE MEMBER", run: join }],
  ["change", { usage: changeUsage, run: change }],
  ["members", { usage: "[NODE...]", run: members }],
  ["agree", { usage: "[NODE...]", run: agree }],
  [
    "status",
    {
      usage: "[NODE...]",
      run: forEachNode((stage, { id }) => stage.say(describeStatus(stage.cluster.status(id)))),
    },
  ],
  [
    "log",
    {
      usage: "[NODE...]",
      run: forEachNode((stage, { id, applied }) => {
        stage.say(`${id}: ${applied.map(describeApplied).join(", ") || "nothing"}`);
      }),
    },
  ],
  [
    "disk",
    {
      usage: "[NODE...]",
      run: forEachNode((stage, member) => describeDisk(member).forEach((line) => stage.say(line))),
    },
  ],
  [
    "counters",
    {
      usage: "[NODE...]",
      run: forEachNode((stage, { id }) => {
        const counters = Object.entries(stage.cluster.status(id).counters).map(
          ([name, count]) => `${name}=${count}`,
        );
        stage.say(`${id}: ${counters.join(" ") || "nothing ignored"}`);
      }),
    },
  ],
  ["show", { usage: "KIND|messages|saves|applied|logs...", run: setHidden(false) }],
  ["hide", { usage: "KIND|messages|saves|applied|logs...", run: setHidden(true) }],
]);
