// What keeps a cluster going: updates, timers, elections, resending.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfLiveness: readonly PlantedBug[] = [
  {
    name: "pending-forgotten-at-a-view-change",
    breaks: "Liveness: a node forgets its own clients' updates when the leader changes.",
    edits: [
      {
        file: "core/src/update-queue.ts",
        find: `if (!pending.own) this.remove(`,
        replace: `this.remove(`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "forwarded-never-resent",
    breaks: "Liveness: an update that is lost on its way to the leader is never sent again.",
    edits: [
      { file: "core/src/paxos.ts", find: `    resendUpdates(s);\n`, replace: `` },
      {
        file: "core/src/update-queue.ts",
        find: `      pending.stage = "waiting";\n`,
        replace: `      if (pending.stage === "proposed") pending.stage = "waiting";\n`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "only-the-first-update-forwarded",
    breaks: "Liveness: at each view change a node forwards only the oldest of the updates that wait.",
    edits: [
      {
        file: "core/src/client-update.ts",
        find: `    s.updates.takeWaiting("forwarded");\n    s.outbox.send(leader, { case: "clientUpdate", value: update.bytes });\n`,
        replace: `    if (update.sent === 0) s.outbox.send(leader, { case: "clientUpdate", value: update.bytes });\n    s.updates.takeWaiting("forwarded");\n`,
      },
      { file: "core/src/paxos.ts", find: `    resendUpdates(s);\n`, replace: `` },
    ],
    profile: "rough",
    seed: 2,
  },
  {
    name: "answers-only-own-updates",
    breaks:
      "Liveness: a client that tried again through another node is answered only by the node it tried first.",
    edits: [
      {
        file: "replica/src/driver.ts",
        find: `    this.#tell(clientId, timestamp, execution);`,
        replace: `    if (ordered.nodeId === BigInt(this.#parts.node.status().nodeId))
      this.#tell(clientId, timestamp, execution);`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "timer-never-reset",
    breaks: "Liveness: a timer that has expired once stays so, and everybody attempts views all the time.",
    edits: [{ file: "core/src/timer.ts", find: `    this.#since = now;\n`, replace: `` }],
    profile: "rough",
    seed: 1,
  },
  {
    name: "leader-without-quorum-stays",
    breaks:
      "Liveness: a leader that hears no quorum sends heartbeats for ever, and its followers wait for it.",
    edits: [
      { file: "core/src/election.ts", find: `if (following < acceptQuorum)`, replace: `if (following < 1)` },
    ],
    profile: "quorum-loss",
    seed: 2,
  },
  {
    name: "proof-of-a-lower-view-taken",
    breaks: "Liveness: a node that attempts a view goes back to a lower one than it had installed.",
    edits: [
      {
        file: "core/src/election.ts",
        find: `membership.leaderOf(view) === nodeId || view < s.promised)`,
        replace: `membership.leaderOf(view) === nodeId)`,
      },
      {
        file: "core/src/election.ts",
        find: `if (view <= s.view && (view < s.view || s.role !== "electing")) return;`,
        replace: `if (view <= s.view && s.role !== "electing") return;`,
      },
    ],
    profile: "hostile",
    seed: 8,
  },
  {
    name: "proof-of-who-hears-no-leader-taken",
    breaks:
      "Liveness: followers that miss their leader do not join an attempt, and call it off with their proofs.",
    edits: [
      {
        file: "core/src/election.ts",
        find: `if (!from.isVoter || !message.hearsLeader || membership`,
        replace: `if (!from.isVoter || membership`,
      },
      {
        file: "core/src/election.ts",
        find: `s.role === "preparing" || leaves || misses(s);`,
        replace: `s.role === "preparing" || leaves;`,
      },
    ],
    profile: "rough",
    seed: 3,
  },
  {
    name: "every-view-change-joined",
    breaks: "Liveness: whoever attempts a view takes the others along, be their leader ever so well.",
    edits: [
      {
        file: "core/src/election.ts",
        find: `if (view > s.attempted && seeks) {`,
        replace: `if (view > s.attempted) {`,
      },
    ],
    profile: "deaf-node",
    seed: 1,
  },
  {
    name: "catch-up-asked-once",
    breaks: "Liveness: a question that is never answered is never given up.",
    edits: [
      {
        file: "core/src/catch-up.ts",
        find: `if (asked !== undefined && s.now - asked.tick >= 3 * s.settings.heartbeatTicks * patience) {`,
        replace: `if (asked !== undefined && asked.tick - s.now >= 3 * s.settings.heartbeatTicks * patience) {`,
      },
    ],
    profile: "rough",
    seed: 6,
  },
  {
    name: "proposals-never-resent",
    breaks: "Liveness: a proposal that is lost stays so.",
    edits: [{ file: "core/src/paxos.ts", find: `    resendProposals(s);\n`, replace: `` }],
    profile: "rough",
    seed: 8,
  },
];
