// Storage that fails, and storage that has lost what it promised.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfStorage: readonly PlantedBug[] = [
  {
    name: "promises-after-a-failure",
    breaks: "Rule 2: a node goes on saving and promising when its disk has failed.",
    edits: [
      {
        file: "core/src/node.ts",
        find: `s.outbox.saveWanted && !s.storageFailed;`,
        replace: `s.outbox.saveWanted;`,
      },
      {
        file: "core/src/paxos.ts",
        find: `if (s.storageFailed && !servedWithoutSaving.has(message.type.case)) {`,
        replace: `if (s.storageFailed && message.type.case === undefined) {`,
      },
    ],
    profile: "disk-trouble",
    seed: 1,
  },
  {
    name: "failed-save-taken-for-durable",
    breaks: "Rule 2: what a save promises leaves though the save has failed.",
    edits: [
      {
        file: "replica/src/storage-duties.ts",
        find: `    } catch (error) {
      return this.fail(error);
    }
    // It came too late`,
        replace: `    } catch (error) {
      this.#parts.tell(() => this.#parts.onSaved(save));
      return this.fail(error);
    }
    // It came too late`,
      },
    ],
    profile: "disk-trouble",
    seed: 1,
  },
  {
    name: "leads-on-after-a-failure",
    breaks: "A leader whose disk has failed goes on leading: nobody replaces it.",
    edits: [
      {
        file: "core/src/storage-health.ts",
        find: `  stepDown(s);`,
        replace: `  s.heartbeatWanted = true;`,
      },
      {
        file: "core/src/invariants.ts",
        find: `  invariant(!s.storageFailed || s.role === "follower", "who cannot save leads nothing");\n`,
        replace: ``,
      },
    ],
    profile: "disk-trouble",
    seed: 1,
  },
  {
    name: "damaged-log-entry-ignored",
    breaks: "A node that cannot read its log goes on as if nothing were wrong.",
    edits: [
      {
        file: "replica/src/storage-duties.ts",
        find: `  async #ask<T>(question: () => Promise<T>, tell: (answer: T) => void): Promise<void> {
    try {
      const answer = await question();
      this.#parts.tell(() => tell(answer));
    } catch (error) {
      this.fail(error);
    }`,
        replace: `  async #ask<T>(question: () => Promise<T>, tell: (answer: T) => void): Promise<void> {
    try {
      const answer = await question();
      this.#parts.tell(() => tell(answer));
    } catch {
      // Somebody else may know.
    }`,
      },
    ],
    profile: "disk-trouble",
    seed: 5,
  },
  {
    name: "failed-snapshot-ignored",
    breaks: "A node goes on promising though its disk has failed, because it failed with a snapshot.",
    edits: [
      {
        file: "replica/src/snapshots.ts",
        find: `      else this.#parts.onStorageFailed(error);`,
        replace: `      else this.#counted = { seq, bytes: this.#sizes.total };`,
      },
    ],
    profile: "disk-trouble",
    seed: 1,
  },
  {
    name: "older-copy-admitted",
    breaks:
      "Rule 8: a node that comes back with an older copy of its disk votes, and has forgotten what it promised.",
    edits: [
      {
        file: "core/src/stores.ts",
        find: `if (save === undefined || save.incarnation === incarnation || hasSeen(saveHistory, save))`,
        replace: ``,
      },
    ],
    profile: "older-disk",
    seed: 1,
  },
  {
    name: "reconnection-taken-for-an-older-copy",
    breaks:
      "A process that reconnects shows what its storage had seen when it started: it is refused though it has lost nothing.",
    edits: [
      {
        file: "core/src/stores.ts",
        find: `save.incarnation === incarnation || hasSeen`,
        replace: `hasSeen`,
      },
      {
        file: "replica/src/identify.ts",
        find: `    get saveHistory() {
      return node.saveHistory;
    },`,
        replace: `    saveHistory: node.saveHistory,`,
      },
    ],
    profile: "crashes",
    seed: 1,
  },
];
