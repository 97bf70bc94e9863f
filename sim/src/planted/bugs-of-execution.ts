// Safety rule 6: what is ordered is applied in order, without gaps, once; after restarts and catch-up too.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfExecution: readonly PlantedBug[] = [
  {
    name: "duplicate-applied",
    breaks: "Rule 6: an update that is ordered twice is executed twice.",
    edits: [
      {
        file: "core/src/sessions.ts",
        find: `if (before !== undefined) return before;`,
        replace: `if (before?.kind === "expired") return before;`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "sessions-by-node",
    breaks: "Rule 6: a retry through another node is not recognised as the same update.",
    edits: [
      {
        file: "core/src/sessions.ts",
        find: `execute(ordered: OrderedUpdate, apply: (update: Uint8Array, seq: number) => Uint8Array): Execution {`,
        replace: `execute(given: OrderedUpdate, apply: (update: Uint8Array, seq: number) => Uint8Array): Execution {
    const ordered = { ...given, clientId: given.clientId + (given.nodeId << 64n) };`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "answered-up-to-one-too-far",
    breaks:
      "Rule 6: of a session one more update counts as answered than its client says; it is never executed.",
    edits: [
      {
        file: "core/src/sessions.ts",
        find: `this.#forgetUpTo(found, answeredUpTo);`,
        replace: `this.#forgetUpTo(found, answeredUpTo + 1n);`,
      },
    ],
    profile: "rough",
    seed: 4,
  },
  {
    name: "late-update-forgets-what-its-client-awaits",
    breaks:
      "Rule 6: an update that overtook others has those below it count as answered; they are never executed.",
    edits: [
      {
        file: "core/src/sessions.ts",
        find: `this.#forgetUpTo(found, answeredUpTo);`,
        replace: `this.#forgetUpTo(found, timestamp - 1n);`,
      },
    ],
    profile: "rough",
    seed: 4,
  },
  {
    name: "forgotten-session-is-a-new-client",
    breaks:
      "Rule 6: an update under a session that is forgotten is executed, though an earlier copy may have been.",
    edits: [
      {
        file: "core/src/sessions.ts",
        find: `if (found === undefined || !belongsTo(found, session)) return { kind: "expired" };
      this.#forgetUpTo(found, answeredUpTo);
      if (timestamp > found.forgottenUpTo + window) return { kind: "expired" };`,
        replace: `if (found !== undefined) {
        this.#forgetUpTo(found, answeredUpTo);
        if (timestamp > found.forgottenUpTo + window) return { kind: "expired" };
      }`,
      },
    ],
    profile: "forgotten-sessions",
    seed: 1,
  },
  {
    name: "sessions-forgotten-by-arrival",
    breaks:
      "Rule 6: a node forgets a session when it is asked for, not in the order of updates; nodes come to differ.",
    edits: [
      {
        file: "core/src/sessions.ts",
        find: `    return found && findIn(found, update);`,
        replace: `    if (found === undefined) return undefined;
    this.#sessions.delete(update.clientId);
    this.#sessions.set(update.clientId, found);
    return findIn(found, update);`,
      },
    ],
    profile: "forgotten-sessions",
    seed: 1,
  },
  {
    name: "busy-refusal-told-to-the-client",
    breaks: "A client hears that its update was refused, while another copy of it was taken.",
    edits: [
      {
        file: "core/src/client-update.ts",
        find: `  if (reason !== RefusalReason.TOO_LARGE) {`,
        replace: `  if (reason !== RefusalReason.TOO_LARGE && update.sent > 1) {`,
      },
      {
        file: "core/src/client-update.ts",
        find: `code: update.sent > 1 ? "unavailable" : "too_large" });`,
        replace: `code: (reason === RefusalReason.BUSY ? "busy" : "too_large") as "too_large" });`,
      },
    ],
    profile: "hostile",
    seed: 25,
  },
  {
    name: "registration-makes-another-session",
    breaks:
      "Rule 6: a registration that comes twice makes a second session, and updates under the first are refused.",
    edits: [
      {
        file: "core/src/sessions.ts",
        find: `return seq === undefined ? undefined : { kind: "duplicate", seq, result: nothing };`,
        replace: `return undefined;`,
      },
    ],
    profile: "rough",
    seed: 208,
  },
  {
    name: "duplicate-answered-with-the-latest",
    breaks: "Rule 6: a retry gets its client's latest answer instead of its own first one.",
    edits: [
      {
        file: "core/src/sessions.ts",
        find: `if (answer !== undefined) return { kind: "duplicate", ...answer };`,
        replace: `if (answer !== undefined) return { kind: "duplicate", ...[...found.answers.values()].at(-1) };`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "catch-up-skips-one",
    breaks: "Rule 6: the first update of a catch-up answer is left out, and the others move down.",
    edits: [
      {
        file: "core/src/catch-up.ts",
        find: `const run = s.history.learn(seq, updates);`,
        replace: `const run = s.history.learn(seq, updates.length > 1 ? updates.slice(1) : updates);`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "catch-up-overlap-taken-twice",
    breaks:
      "Rule 6: of a catch-up answer, what became known while it was on its way is taken again, one place up.",
    edits: [
      {
        file: "core/src/history.ts",
        find: `    const news = updates.slice(this.#aru + 1 - seq);
    const learnt = { seq: this.#aru + 1, updates: news, bytes: sizeOf(news) };
    this.#setAru(end);`,
        replace: `    const learnt = { seq: this.#aru + 1, updates, bytes: sizeOf(updates) };
    this.#setAru(this.#aru + updates.length);`,
      },
    ],
    profile: "duel",
    seed: 7,
  },
  {
    name: "learnt-runs-not-saved",
    breaks: "Rule 3: what was fetched from a peer is applied and not saved; later saves rest on it.",
    edits: [
      {
        file: "core/src/catch-up.ts",
        find: `    s.outbox.queueRun(proposal, sizeOf(piece), true);\n`,
        replace: ``,
      },
    ],
    profile: "rough",
    seed: 2,
  },
  {
    name: "durable-aru-ahead-of-its-values",
    breaks:
      "Rule 3: the first of the runs to be saved is left for a later save; the mark of what is ordered is not.",
    edits: [
      {
        file: "core/src/outbox.ts",
        find: `    this.runs = [];\n    this.promises = [];`,
        replace: `    this.runs = runs.splice(1);\n    this.promises = [];`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "ordered-runs-not-saved",
    breaks:
      "Rule 3: a run ordered by the others before this node saves it is not saved; later saves rest on it.",
    edits: [
      {
        file: "core/src/node.ts",
        find: `  const state = makePersistentState(`,
        replace: `  s.outbox.runs = s.outbox.runs.filter(
    ({ proposal }) => Number(proposal.seq) + proposal.updates.length - 1 > s.history.aru,
  );
  const state = makePersistentState(`,
      },
    ],
    profile: "rough",
    seed: 2,
  },
  {
    name: "accepted-taken-as-ordered-at-restart",
    breaks: "Rule 6: a restarted node applies everything that it had accepted, ordered or not.",
    edits: [
      {
        file: "core/src/restore.ts",
        find: `export function restoreDurable(settings: Settings, { epoch }: Membership, { state }: StoredState): Durable {`,
        replace: `export function restoreDurable(settings: Settings, { epoch }: Membership, { state, runs }: StoredState): Durable {`,
      },
      {
        file: "core/src/restore.ts",
        find: `    aru: Number(state.localAru),`,
        replace: `    aru: Math.max(
      Number(state.localAru),
      ...runs.map(({ proposal }) => Number(proposal.seq) + proposal.updates.length - 1),
    ),`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "replay-skips-the-last",
    breaks: "Rule 6: the replay after a restart ends one seq early.",
    edits: [
      { file: "core/src/state.ts", find: `replayUpTo: aru,`, replace: `replayUpTo: Math.max(0, aru - 1),` },
      { file: "core/src/state.ts", find: `replaying: aru > start,`, replace: `replaying: aru > start + 1,` },
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
    name: "new-updates-before-the-replay",
    breaks:
      "Rule 6: what is ordered while a restarted node replays its log is applied at once, and the rest after it.",
    edits: [
      {
        file: "core/src/delivery.ts",
        find: `if (!s.replaying && s.restoring === undefined) return handOut(s, run);`,
        replace: `if (s.restoring === undefined) return handOut(s, run);`,
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
];
