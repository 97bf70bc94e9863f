// Safety rules 1 and 2: promises are kept, and leave only when they are durable.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfPromises: readonly PlantedBug[] = [
  {
    name: "promise-before-durable",
    breaks: "Rule 2: a PrepareOK leaves before its promise is durable, and a crash takes the promise back.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `s.outbox.sendAfterSave(from.nodeId, { case: "prepareOk", value });`,
        replace: `s.outbox.send(from.nodeId, { case: "prepareOk", value });`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "prepare-ok-without-promise",
    breaks: "Rule 1: a PrepareOK raises no promise, so that the node goes on accepting from the old leader.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `  raisePromise(s, view);\n  follow(s, view);`,
        replace: `  follow(s, view);`,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "prepare-ok-omits-what-is-being-saved",
    breaks:
      "Rule 2: a PrepareOK leaves out acceptances whose save is under way, and their Accept follows it.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `packAcceptances(s, s.history.acceptedAbove(leaderAru))`,
        replace: `packAcceptances(
      s,
      s.history
        .acceptedAbove(leaderAru)
        .filter(({ view, seq }) => {
          const durable = s.durable.accepted;
          return view !== durable.view || durable.seq === 0 || seq <= durable.seq;
        }),
    )`,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "prepare-answered-again-before-durable",
    breaks: "Rule 2: the answer to a Prepare that comes twice does not wait for the promise to be durable.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `  if (durable.saveNumber < s.prepareOK.saveNumber) return;\n`,
        replace: ``,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "accept-without-promise",
    breaks: "Rule 1: who accepts in a higher view does not promise it, and its Accept names the old view.",
    edits: [
      {
        file: "core/src/ordering.ts",
        find: `if (run.view > s.promised) raisePromise(s, run.view);`,
        replace: `if (run.view > s.promised) s.history.startView(run.view);`,
      },
      {
        file: "core/src/history.ts",
        find: "invariant(view > this.#view, `view ${view} begins after ${this.#view}`);",
        replace: `if (view <= this.#view) return;`,
      },
      {
        file: "core/src/history.ts",
        find: "invariant(run.view === this.#view, `run of view ${run.view} received in view ${this.#view}`);",
        replace: ``,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "accept-saves-no-promise",
    breaks:
      "Rule 1: the promise given by accepting is not saved; only those by PrepareOK and by leading are.",
    edits: [
      {
        file: "core/src/node.ts",
        find: `    promisedView: s.promised,`,
        replace: `    promisedView: Math.max(s.durable.promisedView, s.prepareOK?.view ?? 0, s.led ?? 0),`,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "accept-below-promise",
    breaks: "Rule 1: a proposal below the promise is accepted.",
    edits: [
      {
        file: "core/src/ordering.ts",
        find: '  if (run.view < s.promised)\n    return ignore(s, "stale_proposal", `proposal of view ${run.view}, promised ${s.promised}`);\n',
        replace: ``,
      },
      {
        file: "core/src/history.ts",
        find: "invariant(run.view === this.#view, `run of view ${run.view} received in view ${this.#view}`);",
        replace: ``,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "accept-below-promise-in-memory",
    breaks:
      "Rule 1: a proposal below a promise that is not durable yet meets a broken invariant, or is accepted.",
    edits: [
      {
        file: "core/src/ordering.ts",
        find: `if (run.view < s.promised)`,
        replace: `if (run.view < s.durable.promisedView)`,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "promise-forgotten-at-restart",
    breaks: "Rule 1: after a restart only the view that the node led itself counts as promised.",
    edits: [
      {
        file: "core/src/restore.ts",
        find: `const promisedView = Number(state.promisedView);`,
        replace: `const promisedView = Number(state.ledView ?? 0n);`,
      },
    ],
    profile: "duel",
    seed: 1,
  },
  {
    name: "messages-before-their-save",
    breaks: "Rule 2: the driver sends a save's messages before the save is durable.",
    edits: [
      {
        file: "replica/src/driver.ts",
        find: `if (ready.save !== undefined) this.#duties.save(ready.save);`,
        replace: `for (const message of ready.save?.messages ?? []) transport.send(message);
    if (ready.save !== undefined) this.#duties.save(ready.save);`,
      },
      {
        file: "replica/src/driver.ts",
        find: `    for (const message of save.messages) transport.send(message);
    node.saved(save);`,
        replace: `    node.saved(save);`,
      },
    ],
    profile: "rough",
    seed: 1,
  },
  {
    name: "two-saves-at-a-time",
    breaks: "Rule 2: a save leaves while another one is under way, and counts as durable when that one is.",
    edits: [
      {
        file: "core/src/node.ts",
        find: `s.outbox.saving === undefined && s.outbox.saveWanted`,
        replace: `s.outbox.saveWanted`,
      },
      {
        file: "core/src/outbox.ts",
        find: `invariant(this.saving === undefined, "one save at a time");`,
        replace: ``,
      },
    ],
    profile: "rough",
    seed: 1,
  },
];
