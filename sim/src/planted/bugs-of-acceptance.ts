// Safety rules 2, 3 and 5: what is accepted, what is said of it, and what counts as a vote.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfAcceptance: readonly PlantedBug[] = [
  {
    name: "accept-before-its-save",
    breaks: "Rule 2: an Accept leaves before what it speaks of is durable, and a crash takes that back.",
    edits: [
      {
        file: "core/src/node.ts",
        find: `s.outbox.sendAfterSave(peer, { case: "accept", value: makeAccept(s, makes) });`,
        replace: `s.outbox.send(peer, { case: "accept", value: makeAccept(s, makes) });`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "accept-again-before-durable",
    breaks: "Rule 2: a proposal that comes twice is answered though the save of the first one is under way.",
    edits: [
      {
        file: "core/src/ordering.ts",
        find: `  if (s.durable.accepted.view !== run.view || s.durable.accepted.seq < run.end) return;\n`,
        replace: ``,
      },
      {
        file: "core/src/ordering.ts",
        find: `value: makeAccept(s, s.durable) }`,
        replace: `value: makeAccept(s, { ...s.durable, accepted: { view: run.view, seq: s.history.accepted } }) }`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "heartbeat-votes-before-durable",
    breaks: "Rule 2: heartbeats tell of acceptances that are not durable, and count as votes.",
    edits: [
      {
        file: "core/src/heartbeat.ts",
        find: `toWire(accepted.view === promisedView ? accepted.seq : 0)`,
        replace: `toWire(s.promised === promisedView ? s.history.accepted : 0)`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "own-acceptance-before-durable",
    breaks: "Rule 2: the leader, like every node, counts its own acceptance before it is saved.",
    edits: [
      {
        file: "core/src/ordering.ts",
        find: `reachedByQuorum(s, inView(s.durable.accepted), `,
        replace: `reachedByQuorum(s, s.history.accepted, `,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "proposal-counts-as-acceptance",
    breaks:
      "Rule 2: a follower takes a Proposal for its leader's acceptance; the leader may crash before saving.",
    edits: [
      {
        file: "core/src/ordering.ts",
        find: `  const receipt = s.history.receive(run);`,
        replace: `  countVote(s, from, run.view, run.end);\n  const receipt = s.history.receive(run);`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "accept-quorum-one-too-small",
    breaks: "Rule 5: one vote less than a quorum orders, so that a prepare quorum may know nothing of it.",
    edits: [
      {
        file: "core/src/membership.ts",
        find: `this.acceptQuorum = record.acceptQuorum;`,
        replace: `this.acceptQuorum = Math.max(1, record.acceptQuorum - 1);`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "median-of-the-votes-present",
    breaks:
      "Rule 5: the quorum is counted among the votes that came, not among the voters; right for up to three.",
    edits: [
      {
        file: "core/src/view.ts",
        find: `  return reached[membership.acceptQuorum - 1] ?? 0;`,
        replace: `  const present = reached.filter((each) => each > 0);
  return present.length < membership.acceptQuorum ? 0 : (present[present.length >> 1] ?? 0);`,
      },
    ],
    profile: "rough",
    seed: 2,
  },
  {
    name: "vote-of-another-view-counted",
    breaks: "Rule 5: acceptances of an older view count in the present one, whose value may be another.",
    edits: [
      {
        file: "core/src/ordering.ts",
        find: `(peer) => inView(peer.accepted)`,
        replace: `(peer) => peer.accepted.seq`,
      },
    ],
    profile: "rough",
    seed: 3,
  },
  {
    name: "non-contiguous-acceptance",
    breaks: "Rule 3: a run that leaves a gap is accepted, and the cumulative Accept vouches for the gap.",
    edits: [
      {
        file: "core/src/history.ts",
        find: `if (run.seq > this.#contiguous() + 1) return this.#keepEarly(run);`,
        replace: ``,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "aru-over-a-gap",
    breaks: "Rules 3 and 6: the ARU moves over seqs whose values never came, and they are never applied.",
    edits: [
      {
        file: "core/src/history.ts",
        find: `if (run.seq > this.#contiguous() + 1) return this.#keepEarly(run);`,
        replace: ``,
      },
      {
        file: "core/src/history.ts",
        find: "invariant(\n        run !== undefined && run.seq <= this.#aru + 1,\n        `seq ${this.#aru + 1} is ordered but not held`,\n      );",
        replace: `if (run === undefined) break;`,
      },
      {
        file: "core/src/history.ts",
        find: `ordered.push(part(run, this.#aru + 1, Math.min(run.end, seq)));`,
        replace: `ordered.push(part(run, Math.max(run.seq, this.#aru + 1), Math.min(run.end, seq)));`,
      },
      {
        file: "core/src/delivery.ts",
        find: "invariant(run.seq === s.delivered + 1, `seq ${run.seq} handed out after ${s.delivered}`);",
        replace: ``,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "early-runs-kept-over-a-view-change",
    breaks: "Rule 3: what came early in an old view is accepted in the new one.",
    edits: [
      {
        file: "core/src/history.ts",
        find: `    this.#early = [];\n    this.#earlyBytes = 0;\n    this.#accepted = 0;`,
        replace: `    this.#accepted = 0;`,
      },
    ],
    profile: "duel",
    seed: 3,
  },
  {
    name: "accepted-kept-over-a-view-change",
    breaks: "Rule 3: what was accepted in an old view counts as accepted in the new one.",
    edits: [
      {
        file: "core/src/history.ts",
        find: `    this.#earlyBytes = 0;\n    this.#accepted = 0;\n`,
        replace: `    this.#earlyBytes = 0;\n`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "lost-disk-votes",
    breaks:
      "Rule 8: a node that comes back with an empty disk is admitted, and votes though it forgot its promises.",
    edits: [
      {
        file: "core/src/stores.ts",
        find: `if (peer.storeId === undefined || peer.storeId === storeId) {`,
        replace: `if (peer.storeId !== storeId) return undefined;
  if (peer.storeId === undefined || peer.storeId === storeId) {`,
      },
      {
        file: "core/src/stores.ts",
        find: `if (storeId === 0n || from.storeId !== undefined) {`,
        replace: `if (storeId === 0n) {`,
      },
    ],
    profile: "lost-disk",
    seed: 6,
  },
];
