// Snapshots: what is in them, and what may be dropped for them.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfSnapshots: readonly PlantedBug[] = [
  {
    name: "snapshot-without-sessions",
    breaks:
      "Rule 6: a snapshot lacks the table of sessions; whoever is restored from it executes updates again.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `{ sessions: sessions.snapshot(), repeated:`,
        replace: `{ sessions: [], repeated:`,
      },
    ],
    profile: "snapshots",
    seed: 1,
  },
  {
    name: "snapshot-of-a-later-state",
    breaks:
      "Rule 6: the state is captured after further updates have been applied, under the seq from before.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `const state = begin(() => stateMachine.snapshot?.() ?? [], failure);`,
        replace: `const state = (async function* () {
      yield* begin(() => stateMachine.snapshot?.() ?? [], failure);
    })();`,
      },
    ],
    profile: "snapshots",
    seed: 1,
  },
  {
    name: "sessions-in-another-order",
    breaks:
      "Rule 6: a restored table forgets other sessions first than the one that it was taken from: one node executes what the others refuse.",
    edits: [
      {
        file: "core/src/session-records.ts",
        find: `for (const [clientId, session] of this.#sessions) {`,
        replace: `for (const [clientId, session] of this.#sessions.toReversed()) {`,
      },
    ],
    profile: "forgotten-sessions",
    seed: 2,
  },
  {
    name: "restored-sessions-are-not-registered",
    breaks: "Rule 6: a restored session does not know that it was registered.",
    edits: [
      {
        file: "core/src/sessions.ts",
        find: `session.registered = registered === undefined ? undefined : Number(registered);`,
        replace: `session.registered = undefined;`,
      },
    ],
    profile: "forgotten-sessions",
    seed: 2,
  },
  {
    name: "snapshot-forgets-what-was-repeated",
    breaks: "The log shows an update twice as executed: the marks of its tail are not in the snapshot.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `repeated: repeated.between(this.firstSeq, seq)`,
        replace: `repeated: []`,
      },
    ],
    profile: "snapshots",
    seed: 15,
  },
  {
    name: "snapshot-ahead-of-the-durable-aru",
    breaks: "A snapshot becomes durable before what it covers is durably ordered there.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `while (node.status().durableAru < seq) {`,
        replace: `while (node.status().durableAru < 0) {`,
      },
    ],
    profile: "snapshots",
    seed: 1,
  },
  {
    name: "log-dropped-before-the-snapshot-is-durable",
    breaks: "The log is dropped below a snapshot that is still being written: a crash leaves neither.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `const latest = Number(snapshot.seq);`,
        replace: `const latest = this.#counted.seq;`,
      },
      {
        file: "replica/src/snapshots.ts",
        find: `    this.#taking = taking;
    return taking;`,
        replace: `    this.#taking = taking;
    this.#compact();
    return taking;`,
      },
    ],
    profile: "snapshots",
    seed: 1,
  },
  {
    name: "log-dropped-above-the-snapshot",
    breaks: "The log is dropped one update above what the snapshot covers.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `Math.min(latest + 1, tail, held));`,
        replace: `Math.min(latest + 1, tail, held) + 1);`,
      },
    ],
    profile: "snapshots",
    seed: 1,
  },
  {
    name: "log-never-dropped",
    breaks: "Snapshots are taken, and the log grows for ever all the same.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `await storage.compact(firstSeq, keep)`,
        replace: `await storage.compact(this.firstSeq, keep)`,
      },
    ],
    profile: "snapshots",
    seed: 1,
  },
  {
    name: "fetched-snapshot-dropped-for-an-unfinished-one",
    breaks:
      "What a peer fetches stays held: it is dropped when the log is dropped while another snapshot is being written.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `[snapshot, ...snapshots, ...this.#read.keys()]`,
        replace: `[...snapshots, ...this.#read.keys()]`,
      },
    ],
    profile: "changing-duel",
    seed: 848701257,
  },
];
