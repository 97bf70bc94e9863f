// Snapshots of a peer: fetched, installed in place of the log, restored.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfInstalls: readonly PlantedBug[] = [
  {
    name: "install-lowers-the-promise",
    breaks: "Rule 1: the save that installs a snapshot takes back what its node has promised.",
    edits: [
      {
        file: "core/src/node.ts",
        find: `    promisedView: s.promised,`,
        replace: `    promisedView: s.outbox.install === undefined ? s.promised : Math.max(0, s.promised - 1),`,
      },
    ],
    profile: "far-behind",
    seed: 1,
  },
  {
    name: "install-forgets-the-led-view",
    breaks: "Rule 4: the save that installs a snapshot forgets which view its node has led.",
    edits: [
      {
        file: "core/src/node.ts",
        find: `    ledView: s.led,`,
        replace: `    ledView: s.outbox.install === undefined ? s.led : undefined,`,
      },
    ],
    profile: "far-behind",
    seed: 1,
  },
  {
    name: "install-before-all-chunks",
    breaks: "The ARU is raised, and the snapshot installed, before its last chunk is here.",
    edits: [
      {
        file: "core/src/snapshots.ts",
        find: `  return next === snapshot.chunks;`,
        replace: `  return next >= snapshot.chunks - 1;`,
      },
    ],
    profile: "far-behind",
    seed: 1,
  },
  {
    name: "chunks-of-two-snapshots",
    breaks: "A receiver counts chunks, whichever snapshot they are of, and whatever storage says of them.",
    edits: [
      {
        file: "core/src/snapshots.ts",
        find: `if (index !== (goesOn ? incoming.next : 0)) {`,
        replace: `if (goesOn && index < incoming.next) {`,
      },
      {
        file: "core/src/snapshots.ts",
        find: `  s.incoming = { snapshot: chunk.snapshot, next };
  if (s.fetch === undefined) return;
  if (next !== chunk.index + 1) {`,
        replace: `  s.incoming = { snapshot: chunk.snapshot, next: (s.incoming?.next ?? 0) + 1 };
  if (s.fetch === undefined) return;
  if (next < 0) {`,
      },
    ],
    profile: "far-behind",
    seed: 8,
  },
  {
    name: "snapshot-dropped-while-it-is-sent",
    breaks: "A peer's transfer begins anew with each new snapshot: it never ends while they come.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `[snapshot, ...snapshots, ...this.#read.keys()]`,
        replace: `[snapshot, ...this.#read.keys()]`,
      },
    ],
    profile: "unending-snapshots",
    seed: 1,
  },
  {
    name: "log-dropped-while-a-snapshot-is-sent",
    breaks:
      "What follows the snapshot that a peer is sent is gone when it has it: it needs the next one, for ever.",
    edits: [
      {
        file: "core/src/snapshots.ts",
        find: `logFrom: needs.length > 0 ? Math.min(...needs) : undefined,`,
        replace: `logFrom: undefined,`,
      },
    ],
    profile: "unending-snapshots",
    seed: 18,
  },
  {
    name: "snapshot-never-fetched",
    breaks: "Liveness: a node that lacks what its peers have dropped asks for it for ever.",
    edits: [
      {
        file: "core/src/catch-up.ts",
        find: `  if (firstSeq > seq && firstSeq > s.history.aru + 1) return startFetch(s, from);\n`,
        replace: `  if (firstSeq > seq && firstSeq > s.history.aru + 1) return;\n`,
      },
    ],
    profile: "far-behind",
    seed: 1,
  },
  {
    name: "restored-before-it-is-durable",
    breaks: "The state machine is given a snapshot before the save that installs it is durable.",
    edits: [
      {
        file: "core/src/delivery.ts",
        find: `restoring === undefined || !restoring.durable || restoring.asked`,
        replace: `restoring === undefined || restoring.asked`,
      },
    ],
    profile: "far-behind",
    seed: 1,
  },
  {
    name: "updates-handed-out-before-the-restore",
    breaks: "Rule 6: what follows a snapshot is applied to the state from before it.",
    edits: [
      {
        file: "core/src/delivery.ts",
        find: `if (!s.replaying && s.restoring === undefined) return handOut(s, run);`,
        replace: `if (!s.replaying) {
    s.delivered = run.seq - 1;
    return handOut(s, run);
  }`,
      },
    ],
    profile: "far-behind",
    seed: 1,
  },
  {
    name: "waiters-told-expired-after-a-restore",
    breaks:
      "A client is told that its session is forgotten, when nobody has looked: its node has skipped updates.",
    edits: [
      {
        file: "replica/src/driver.ts",
        find: `this.updates.failAll(skipped);`,
        replace: `this.updates.failAll(() => new RequestError("expired", "forgotten"));`,
      },
    ],
    profile: "far-behind",
    seed: 1,
  },
];
