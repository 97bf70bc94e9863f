// Safety rule 9: linearizable reads.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfReads: readonly PlantedBug[] = [
  {
    name: "read-at-the-leaders-aru",
    needsReaders: true,
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
    needsReaders: true,
    breaks: "Rule 9: a new leader answers reads before it has proposed again what was ordered before it.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `const seq = leading.nextSeq - 1 + leading.first.length;`,
        replace: `const seq = leading.nextSeq - 1;`,
      },
    ],
    profile: "rough",
    seed: 10,
  },
  {
    name: "read-without-confirmation",
    needsReaders: true,
    breaks: "Rule 9: a leader answers reads without asking whether it still leads.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `const ended = reachedByQuorum(s, last, ({ nodeId }) => confirmed.get(nodeId) ?? 0);`,
        replace: `const ended = last;`,
      },
    ],
    profile: "duel",
    seed: 57,
  },
  {
    name: "read-before-applied",
    needsReaders: true,
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
    name: "read-answer-of-an-earlier-process",
    needsReaders: true,
    breaks: "Rule 9: an answer that was on its way to the process before counts for a read of this one.",
    edits: [
      {
        file: "core/src/reads.ts",
        find: `if (message.incarnation !== s.settings.incarnation) {`,
        replace: `if (message.incarnation === 0n) {`,
      },
    ],
    profile: "hostile",
    seed: 14,
  },
  {
    name: "read-behind-a-proposed-stop-sign",
    needsReaders: true,
    breaks:
      "Rules 7 and 9: a leader that has proposed a stop sign answers reads as of what stands before it; the next epoch may go on without it.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `if (leading.ending !== undefined || leading.reads.underWay.length >= maxRounds) return;
  const seq = leading.nextSeq - 1 + leading.first.length;`,
        replace: `if (leading.reads.underWay.length >= maxRounds) return;
  const seq = leading.nextSeq - 1 + leading.first.length - (leading.ending === undefined ? 0 : 1);`,
      },
      {
        file: "core/src/read-rounds.ts",
        find: `if (leading === undefined || leading.ending !== undefined) return;
  const { underWay`,
        replace: `if (leading === undefined) return;
  const { underWay`,
      },
    ],
    profile: "usurped-leaders",
    seed: 17,
  },
  {
    name: "view-confirmed-despite-a-higher-promise",
    needsReaders: true,
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
    profile: "usurped-leaders",
    seed: 1,
  },
  {
    name: "learner-confirms",
    needsReaders: true,
    breaks:
      "Rules 5 and 9: learners, which are in no quorum, are counted as if they were voters that confirm.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `  const ended = reachedByQuorum(s, last, ({ nodeId }) => confirmed.get(nodeId) ?? 0);`,
        replace: `  const learners = [...s.peers.values()].filter(({ isVoter }) => !isVoter);
  const byLearners = learners.map(({ nodeId }) => confirmed.get(nodeId) ?? 0);
  const byVoters = reachedByQuorum(s, last, ({ nodeId }) => confirmed.get(nodeId) ?? 0);
  const ended = Math.max(byVoters, ...(s.membership.acceptQuorum === 2 ? byLearners : []));`,
      },
      {
        file: "core/src/read-rounds.ts",
        find: `    if (peer.isVoter) s.outbox.send(peer.nodeId, { case: "confirmView", value });`,
        replace: `    s.outbox.send(peer.nodeId, { case: "confirmView", value });`,
      },
    ],
    profile: "usurped-leaders",
    seed: 46,
  },
  {
    name: "lease-outlives-its-leader",
    needsReaders: true,
    breaks: "Leases: a leader relies on its lease for longer than the voters are bound.",
    edits: [
      {
        file: "core/src/lease.ts",
        find: `Math.floor(((leaseTicks - 2) * tickMs * 9) / 10)`,
        replace: `leaseTicks * tickMs * 5`,
      },
    ],
    profile: "usurped-leaders",
    seed: 15,
  },
  {
    name: "lease-does-not-bind-voters",
    needsReaders: true,
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
    profile: "usurped-leaders",
    seed: 7,
  },
  {
    name: "lease-forgotten-at-restart",
    needsReaders: true,
    breaks: "Leases: a voter that was restarted promises at once, though it may have granted a lease before.",
    edits: [
      {
        file: "core/src/read-queue.ts",
        find: `leaseTicks === 0 || isNew ? undefined`,
        replace: `leaseTicks >= 0 || isNew ? undefined`,
      },
    ],
    profile: "usurped-leaders",
    seed: 7,
  },
  {
    name: "lease-kept-while-handing-over",
    needsReaders: true,
    breaks: "Leases: a leader that hands over goes on serving reads by its lease, beside the next one.",
    edits: [
      {
        file: "core/src/transfer.ts",
        find: `  s.leading.leaseVoid = true;\n`,
        replace: ``,
      },
    ],
    profile: "usurped-leaders",
    seed: 34,
  },
];
