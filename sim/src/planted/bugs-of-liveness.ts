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
        find: `    this.updates.tell(clientId, timestamp, execution);`,
        replace: `    if (ordered.nodeId === BigInt(this.#parts.node.status().nodeId))
      this.updates.tell(clientId, timestamp, execution);`,
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
    seed: 7,
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
    seed: 5,
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
    seed: 2,
  },
  {
    name: "proposals-never-resent",
    breaks: "Liveness: a proposal that is lost stays so.",
    edits: [{ file: "core/src/paxos.ts", find: `    resendProposals(s);\n`, replace: `` }],
    profile: "rough",
    seed: 16,
  },
  {
    name: "heartbeat-is-no-progress",
    breaks: "Liveness: a follower's progress timer expires though it hears its leader.",
    edits: [
      {
        file: "core/src/heartbeat.ts",
        find: `  if (s.updates.own === 0) restartProgress(s);\n`,
        replace: ``,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "back-off-never-reset",
    breaks: "Liveness: the timeout grows with every attempt, and stays long after a leader was found.",
    edits: [
      {
        file: "core/src/heartbeat.ts",
        find: `  if (leading && acceptedSeq > 0n) s.attempts = 0;\n`,
        replace: ``,
      },
      { file: "core/src/prepare.ts", find: `  s.attempts = 0;\n`, replace: `` },
    ],
    profile: "isolated-leaders",
    seed: 1,
  },
  {
    name: "higher-promise-ignored",
    breaks:
      "Liveness: a leader stays though a node has promised above it, which never accepts from it again.",
    edits: [
      {
        file: "core/src/election.ts",
        find: "  for (const peer of s.peers.values()) {\n    if (peer.isVoter && hears(s, peer) && peer.promisedView > s.view) {\n      return `node ${peer.nodeId} has promised view ${peer.promisedView}`;\n    }\n  }\n",
        replace: ``,
      },
    ],
    profile: "interrupted-elections",
    seed: 4,
  },
  {
    name: "leader-with-a-hung-disk-stays",
    breaks: "Liveness: a leader whose save never ends goes on leading.",
    edits: [
      {
        file: "core/src/election.ts",
        find: `  if (storageStuck(s)) return "its storage makes no progress";\n`,
        replace: ``,
      },
    ],
    profile: "hung-leader-disk",
    seed: 1,
  },
  {
    name: "catch-up-never-asks-another",
    breaks: "Liveness: a node that is behind asks the same peer for ever, whether it answers or not.",
    edits: [
      {
        file: "core/src/catch-up.ts",
        find: `    s.catchUp.asked = undefined;\n    s.catchUp.changes++;\n`,
        replace: `    s.catchUp.asked = undefined;\n`,
      },
      {
        file: "core/src/catch-up.ts",
        find: `    s.catchUp.changes++;\n    s.catchUp.notBefore`,
        replace: `    s.catchUp.notBefore`,
      },
    ],
    profile: "stuck-node",
    seed: 28,
  },
  {
    name: "window-never-reopens",
    breaks:
      "Liveness: what was in flight at a view change counts as in flight for ever, and closes the window.",
    edits: [
      {
        file: "core/src/history.ts",
        find: `    this.#runBytes = 0;\n    this.#early`,
        replace: `    this.#early`,
      },
    ],
    profile: "hostile",
    seed: 33,
  },
  {
    name: "proof-counts-as-hearing-the-leader",
    breaks:
      "Liveness: followers of a dead leader end each other's attempts for ever, each on the other's word.",
    edits: [
      {
        file: "core/src/election.ts",
        find: `  s.takenOverAt = s.now;\n`,
        replace: `  s.takenOverAt = s.now;\n  s.leaderHeard = s.now;\n`,
      },
    ],
    profile: "dead-leader",
    seed: 1,
  },
];
