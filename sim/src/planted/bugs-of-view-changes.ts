// Safety rule 4: one leader and one value per view; what an older view may have ordered survives.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfViewChanges: readonly PlantedBug[] = [
  {
    name: "prepare-quorum-one-too-small",
    breaks: "Rule 5: the new leader counts itself twice, and may hear nothing of what a quorum accepted.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `if (answers.length + 1 < s.membership.prepareQuorum) return;`,
        replace: `if (answers.length + 2 < s.membership.prepareQuorum) return;`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "highest-view-not-adopted",
    breaks:
      "Rule 4: of several values for a seq the first one told of is proposed again, not the one of the highest view.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `(known === undefined || known.view < acceptance.view)`,
        replace: `known === undefined`,
      },
    ],
    profile: "interrupted-elections",
    seed: 23,
  },
  {
    name: "own-acceptances-not-adopted",
    breaks: "Rule 4: the new leader heeds what others accepted, and forgets what it accepted itself.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `[...s.history.acceptedAbove(s.history.aru), ...reported]`,
        replace: `reported`,
      },
    ],
    profile: "rough",
    seed: 10,
  },
  {
    name: "values-proposed-again-one-off",
    breaks:
      "Rule 4: the no-op of the new view comes before the values to be proposed again, which move up by one seq.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `  if (ending === undefined) first.push(new Uint8Array());
  s.leading = { nextSeq: s.history.aru + 1, first, ending, reads`,
        replace: `  const all = new Deque();
  all.push(new Uint8Array());
  for (const bytes of first) all.push(bytes);
  s.leading = { nextSeq: s.history.aru + 1, first: all, ending, reads`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "ordered-but-unknown-not-fetched",
    breaks: "Rule 4: the new leader takes for free the seqs that others know as ordered and it does not.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `if (s.history.aru < ordered) return askNext(s, ordered);`,
        replace: ``,
      },
      {
        file: "core/src/prepare.ts",
        find: "    invariant(\n      acceptance !== undefined,\n      `no value for seq ${seq} among ${highest.size} above ${s.history.aru}`,\n    );\n    values.push(acceptance.update);",
        replace: `    values.push(acceptance?.update ?? new Uint8Array());`,
      },
    ],
    profile: "rough",
    seed: 5,
  },
  {
    name: "ordered-but-unknown-meets-an-invariant",
    breaks:
      "Rule 4: the new leader does not fetch what others know as ordered; where that leaves a gap, it stops.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `if (s.history.aru < ordered) return askNext(s, ordered);`,
        replace: ``,
      },
    ],
    profile: "rough",
    seed: 5,
  },
  {
    name: "older-view-forgotten",
    breaks: "Rule 4: a promise makes a node forget what it accepted in the view before.",
    edits: [{ file: "core/src/history.ts", find: `    this.restore(this.#runs);\n`, replace: `` }],
    profile: "rough",
    seed: 1,
  },
  {
    name: "views-before-the-last-forgotten",
    breaks: "Rule 4: a promise leaves only what was accepted in the view just before.",
    edits: [
      {
        file: "core/src/history.ts",
        find: `    this.restore(this.#runs);\n`,
        replace: `    this.#older.clear();\n    this.restore(this.#runs);\n`,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "lowest-view-restored",
    breaks: "Rule 4: after a restart, of several acceptances at a seq the one of the lowest view counts.",
    edits: [
      {
        file: "core/src/history.ts",
        find: `(known === undefined || known.view < run.view)`,
        replace: `(known === undefined || known.view > run.view)`,
      },
    ],
    profile: "duel",
    seed: 6,
  },
  {
    name: "answer-of-another-view-counted",
    breaks: "Rule 1: a PrepareOK of an older view, come late, counts as a promise of the present one.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `preparing === undefined || fromWire(message.view, "view") !== preparing.view || !from.isVoter`,
        replace: `preparing === undefined || !from.isVoter`,
      },
    ],
    profile: "hostile",
    seed: 1,
  },
  {
    name: "aru-heard-before-in-prepare-ok",
    breaks:
      "Rule 4: a PrepareOK leaves out what its receiver had said it knows, and has lost in a crash since.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `fromWire(prepare.localAru, "ARU"), saveNumber);
  s.prepareOK = { view`,
        replace: `from.aru, saveNumber);
  s.prepareOK = { view`,
      },
      {
        file: "core/src/heartbeat.ts",
        find: `from.aru = fromWire(message.localAru, "ARU");`,
        replace: `from.aru = Math.max(from.aru, fromWire(message.localAru, "ARU"));`,
      },
    ],
    profile: "hostile",
    seed: 2,
  },
  {
    name: "leads-before-durable",
    breaks: `Rule 4: messages of a view leave before "I lead it" and the promise of it are durable.`,
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `s.outbox.sendAfterSave(peer.nodeId, makePrepare(s));`,
        replace: `s.outbox.send(peer.nodeId, makePrepare(s));`,
      },
      {
        file: "core/src/prepare.ts",
        find: `if (preparing === undefined || s.durable.ledView !== preparing.view) return;
  const answers`,
        replace: `if (preparing === undefined) return;
  const answers`,
      },
      {
        file: "core/src/invariants.ts",
        find: `if (s.role === "leader") invariant(s.durable.ledView === s.view, "the leader's leading is durable");`,
        replace: ``,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "recorded-view-led-again",
    breaks:
      "Rule 4: a restarted leader resumes its view, and proposes other values at seqs it has forgotten.",
    edits: [
      {
        file: "core/src/election.ts",
        find: `  else restartProgress(s);\n}`,
        replace: `  else {
    if (s.led === s.view) {
      s.role = "preparing";
      s.preparing = { view: s.view, answers: new Map() };
    }
    restartProgress(s);
  }
}`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
];
