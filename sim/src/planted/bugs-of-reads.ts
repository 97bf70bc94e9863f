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
    name: "confirmation-of-an-earlier-round",
    needsReaders: true,
    breaks: "Rule 9: what a voter has confirmed once counts for all rounds that come after.",
    edits: [
      {
        file: "core/src/read-rounds.ts",
        find: `confirmed.set(from.nodeId, Math.max(round, confirmed.get(from.nodeId) ?? 0));`,
        replace: `confirmed.set(from.nodeId, Infinity);`,
      },
    ],
    profile: "duel",
    seed: 93,
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
    name: "read-answer-for-later-ones",
    needsReaders: true,
    breaks: "Rule 9: an answer serves reads, too, that were asked for after the question.",
    edits: [
      {
        file: "core/src/reads.ts",
        find: `s.reads.answer(number, fromWire(message.seq, "seq"));`,
        replace: `s.reads.answer(open, fromWire(message.seq, "seq"));`,
      },
    ],
    profile: "rough",
    seed: 10,
  },
];
