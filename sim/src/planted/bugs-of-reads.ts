// Safety rule 9: linearizable reads.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfReads: readonly PlantedBug[] = [
  {
    name: "read-at-the-leaders-aru",
    breaks:
      "Rule 9: a read waits for what the leader knows as ordered. Others may have learnt of more, and answered.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `const seq = leading.nextSeq - 1 + leading.first.length;`,
        replace: `const seq = s.history.aru;`,
      },
    ],
    profile: "rough",
    seed: 8,
  },
  {
    name: "read-does-not-wait-for-the-first-values",
    breaks: "Rule 9: a new leader answers reads before it has proposed again what was ordered before it.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `const seq = leading.nextSeq - 1 + leading.first.length;`,
        replace: `const seq = leading.nextSeq - 1;`,
      },
    ],
    profile: "rough",
    seed: 27,
  },
  {
    name: "read-without-confirmation",
    breaks: "Rule 9: a leader answers reads without asking whether it still leads.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `const ended = rounds[membership.acceptQuorum - 1] ?? 0;`,
        replace: `const ended = last;`,
      },
    ],
    profile: "duel",
    seed: 106,
  },
  {
    name: "read-before-applied",
    breaks: "Rule 9: a read is served before what it must not miss is applied.",
    edits: [
      {
        file: "core/src/reads.ts",
        find: `s.outbox.readable = s.reads.take(s.applied) ?? s.outbox.readable;`,
        replace: `s.outbox.readable = s.reads.take(Infinity) ?? s.outbox.readable;`,
      },
    ],
    profile: "rough",
    seed: 4,
  },
  {
    name: "read-behind-a-proposed-stop-sign",
    breaks:
      "Rules 7 and 9: a leader that has proposed a stop sign answers reads; the next epoch may go on without it.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `if (leading.ending !== undefined || leading.reads.underWay.length >= maxRounds) return;`,
        replace: `if (leading.reads.underWay.length >= maxRounds) return;`,
      },
      {
        file: "core/src/read-rounds.ts",
        find: `if (leading === undefined || leading.ending !== undefined) return;
  const { underWay`,
        replace: `if (leading === undefined) return;
  const { underWay`,
      },
    ],
    profile: "changing-duel",
    seed: 1,
  },
  {
    name: "confirmation-of-an-earlier-round",
    breaks: "Rule 9: what a voter has confirmed once counts for all rounds that come after.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `confirmed.set(from.nodeId, Math.max(round, confirmed.get(from.nodeId) ?? 0));`,
        replace: `confirmed.set(from.nodeId, Infinity);`,
      },
    ],
    profile: "duel",
    seed: 95,
  },
  {
    name: "read-answer-of-an-earlier-process",
    breaks: "Rule 9: an answer that was on its way to the process before counts for a read of this one.",
    edits: [
      {
        file: "core/src/reads.ts",
        find: `if (message.incarnation !== s.settings.incarnation) {`,
        replace: `if (message.incarnation === 0n) {`,
      },
    ],
    profile: "hostile",
    seed: 1,
  },
  {
    name: "view-confirmed-despite-a-higher-promise",
    breaks: "Rule 9: a voter confirms the view of a leader though it has promised a higher one.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `  if (view < s.promised)
    return ignore(s, "stale_confirm"`,
        replace: `  if (view < 0)
    return ignore(s, "stale_confirm"`,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "confirmation-of-another-view",
    breaks: "Rule 9: what was confirmed of an earlier view of the same leader counts for this one.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `if (leading === undefined || fromWire(message.view, "view") !== s.view) return;
  const round = fromWire(message.round, "round");`,
        replace: `if (leading === undefined) return;
  const round = Math.min(leading.reads.last, fromWire(message.round, "round"));`,
      },
    ],
    profile: "hostile",
    seed: 1,
  },
  {
    name: "learner-confirms",
    breaks: "Rules 5 and 9: a learner, which is in no quorum, confirms that a leader leads.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `if (peer.isVoter && peer.storeDurable) rounds.push`,
        replace: `if (peer.storeDurable) rounds.push`,
      },
      {
        file: "core/src/read-rounds.ts",
        find: `    if (peer.isVoter) s.outbox.send(peer.nodeId, { case: "confirmView", value });`,
        replace: `    s.outbox.send(peer.nodeId, { case: "confirmView", value });`,
      },
    ],
    profile: "changing-duel",
    seed: 1,
  },
  {
    name: "confirmed-by-one-too-few",
    breaks: "Rules 5 and 9: one voter less than an accept quorum confirms; a prepare quorum may not meet it.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `rounds[membership.acceptQuorum - 1] ?? 0`,
        replace: `rounds[Math.max(0, membership.acceptQuorum - 2)] ?? 0`,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "read-while-the-state-is-replaced",
    breaks: "Rule 6: a read is served while a snapshot takes the place of the state.",
    edits: [
      {
        file: "core/src/reads.ts",
        find: `  if (s.restoring !== undefined) return;\n`,
        replace: ``,
      },
    ],
    profile: "snapshots",
    seed: 1,
  },
  {
    name: "reads-of-a-lost-leader-not-asked-again",
    breaks:
      "Liveness: a read that the leader was asked about waits for it for ever, though another one leads by now.",
    edits: [
      {
        file: "core/src/reads.ts",
        find: `const again = asked === undefined || asked.epoch !== epoch || asked.view !== s.view;`,
        replace: `const again = asked === undefined;`,
      },
      {
        file: "core/src/reads.ts",
        find: `s.now - asked.tick >= s.settings.heartbeatTicks;`,
        replace: `s.now < 0;`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "read-answer-for-later-ones",
    breaks: "Rule 9: an answer serves reads, too, that were asked for after the question.",
    edits: [
      {
        file: "core/src/reads.ts",
        find: `s.reads.answer(number, fromWire(message.seq, "seq"));`,
        replace: `s.reads.answer(open, fromWire(message.seq, "seq"));`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "lease-outlives-its-leader",
    breaks: "Leases: a leader relies on its lease for longer than the voters are bound.",
    edits: [
      {
        file: "core/src/lease.ts",
        find: `Math.floor(((leaseTicks - 2) * tickMs * 9) / 10)`,
        replace: `leaseTicks * tickMs * 5`,
      },
    ],
    profile: "stalls",
    seed: 1,
  },
  {
    name: "lease-does-not-bind-voters",
    breaks:
      "Leases: a voter that has granted one promises a higher view to another leader before it is over.",
    edits: [
      {
        file: "core/src/lease.ts",
        find: `  if (!isBound(s)) return false;
  const view`,
        replace: `  if (s.now >= 0) return false;
  const view`,
      },
    ],
    profile: "slow-disks",
    seed: 1,
  },
  {
    name: "lease-forgotten-at-restart",
    breaks: "Leases: a voter that was restarted promises at once, though it may have granted a lease before.",
    edits: [
      {
        file: "core/src/read-queue.ts",
        find: `leaseTicks === 0 || isNew ? undefined`,
        replace: `leaseTicks >= 0 || isNew ? undefined`,
      },
    ],
    profile: "crashes",
    seed: 1,
  },
  {
    name: "lease-kept-while-handing-over",
    breaks: "Leases: a leader that hands over goes on serving reads by its lease, beside the next one.",
    edits: [
      {
        file: "core/src/transfer.ts",
        find: `  s.leading.leaseVoid = true;\n`,
        replace: ``,
      },
    ],
    profile: "hand-overs",
    seed: 1,
  },
];
