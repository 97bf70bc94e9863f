// Epochs: stop signs, entering the next membership, joining, leaving, handing over.
import type { PlantedBug } from "./planted-bug.js";

export const bugsOfMembership: readonly PlantedBug[] = [
  {
    name: "voters-of-the-old-epoch",
    breaks: "Rule 5: who voted in the old epoch is counted in the new one, and nobody else.",
    edits: [
      {
        file: "core/src/peers.ts",
        find: `      isVoter: votes,
      promisedView`,
        replace: `      isVoter: known.has(nodeId) ? peer.isVoter : votes,
      promisedView`,
      },
    ],
    profile: "changing-members",
    seed: 4,
  },
  {
    name: "learner-counted",
    breaks: "Rule 5: the acceptance of a learner counts.",
    edits: [
      {
        file: "core/src/view.ts",
        find: `if (peer.isVoter && peer.storeDurable) reached.push`,
        replace: `if (peer.storeDurable) reached.push`,
      },
    ],
    profile: "changing-members",
    seed: 1,
  },
  {
    name: "learner-promises",
    breaks: "Rule 5: the promise of a learner counts.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `!== preparing.view || !from.isVoter) return;`,
        replace: `!== preparing.view) return;`,
      },
      {
        file: "core/src/prepare.ts",
        find: `if (peer.isVoter) s.outbox.sendAfterSave(`,
        replace: `s.outbox.sendAfterSave(`,
      },
    ],
    profile: "changing-members",
    seed: 4,
  },
  {
    name: "votes-carried-into-the-next-epoch",
    breaks:
      "Rule 5: what a peer accepted in a view of the old epoch counts in the view of the same number in the new one.",
    edits: [
      {
        file: "core/src/peers.ts",
        find: `      knowsStores: false,
      accepted: { view: 0, seq: 0 },
      viewChange: undefined,
      resend: { acknowledged: 0, wait: 1, waited: 0 },
    });`,
        replace: `      knowsStores: false,
      viewChange: undefined,
      resend: { acknowledged: 0, wait: 1, waited: 0 },
    });`,
      },
    ],
    profile: "changing-members",
    seed: 4,
  },
  {
    name: "messages-of-any-epoch",
    breaks: "Rule 7: a message of another epoch is taken as one of this.",
    edits: [
      {
        file: "core/src/paxos.ts",
        find: `const inEpoch = epoch === s.membership.epoch && s.peers.has(sender);`,
        replace: `const inEpoch = s.peers.has(sender);`,
      },
    ],
    profile: "changing-members",
    seed: 6,
  },
  {
    name: "two-changes-in-flight",
    breaks: "Rule 7: a second stop sign is proposed behind the first.",
    edits: [
      {
        file: "core/src/change.ts",
        find: `  if (s.leading.ending !== undefined) {`,
        replace: `  if (s.leading.ending !== undefined && s.leading.nextSeq < 0) {`,
      },
    ],
    profile: "changing-members",
    seed: 7,
  },
  {
    name: "proposals-behind-a-stop-sign",
    breaks: "Rule 7: the leader goes on proposing behind a stop sign that is not ordered yet.",
    edits: [
      {
        file: "core/src/ordering.ts",
        find: `const closed = s.leading.ending !== undefined || s.transfer !== undefined;`,
        replace: `const closed = s.transfer !== undefined;`,
      },
      {
        file: "core/src/history.ts",
        find: `return this.#stopSignAt !== undefined && end > this.#stopSignAt;`,
        replace: `return this.#stopSignAt !== undefined && end < 0;`,
      },
    ],
    profile: "changing-members",
    seed: 1,
  },
  {
    name: "no-op-behind-a-stop-sign",
    breaks: "Rule 7: a leader that proposes a stop sign again orders a no-op of its view behind it.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `  if (ending === undefined) first.push(new Uint8Array());`,
        replace: `  first.push(new Uint8Array());`,
      },
    ],
    profile: "changing-duel",
    seed: 3,
  },
  {
    name: "epoch-entered-without-its-past",
    breaks: "Rule 7: a node that joins votes before it holds what was ordered before its epoch.",
    edits: [
      {
        file: "core/src/view.ts",
        find: `  return s.history.aru >= s.membership.beginsAfter;`,
        replace: `  return s.history.aru >= 0;`,
      },
    ],
    profile: "changing-members",
    seed: 28,
  },
  {
    name: "first-view-led-before-it-is-durable",
    breaks: "Rule 4: the leader of an epoch's first view proposes before it has on record that it leads.",
    edits: [
      {
        file: "core/src/prepare.ts",
        find: `  if (preparing === undefined || s.durable.ledView !== preparing.view) return;
  const answers`,
        replace: `  if (preparing === undefined || (s.durable.ledView !== preparing.view && !preparing.isFirst)) return;
  const answers`,
      },
      {
        file: "core/src/invariants.ts",
        find: `invariant(s.durable.ledView === s.view, "the leader's leading is durable");`,
        replace: `invariant(true, "");`,
      },
    ],
    profile: "changing-members",
    seed: 1,
  },
  {
    name: "first-view-led-twice",
    breaks: "Rule 4: a leader of an epoch's first view that was restarted leads it once more.",
    edits: [
      {
        file: "core/src/election.ts",
        find: `  if (s.view === 0 || membership.voters.length === 1)`,
        replace: `  if (membership.epoch > 0 && s.led === s.view && s.view === s.promised && s.view === membership.firstView) {
    s.role = "preparing";
    s.preparing = { view: s.view, answers: new Map(), isFirst: true };
  } else if (s.view === 0 || membership.voters.length === 1)`,
      },
    ],
    profile: "changing-members",
    seed: 1,
  },
  {
    name: "votes-of-the-old-epoch-counted-when-saved",
    breaks: "Rule 2: what a save made durable in the old epoch counts as durable in the new one.",
    edits: [
      {
        file: "core/src/paxos.ts",
        find: `ended ? { ...makes, ...nothingDurable(s.membership.epoch) } : makes;`,
        replace: `ended ? { ...makes, epoch: s.membership.epoch } : makes;`,
      },
    ],
    profile: "changing-members",
    seed: 1,
  },
  {
    name: "node-id-used-again",
    breaks: "Rule 7: the id of a node that has left is given to another one.",
    edits: [
      { file: "core/src/next-epoch.ts", find: `  draft.nextNodeId = nodeId + 1n;`, replace: `` },
      {
        file: "core/src/membership.ts",
        find: `    if (id >= record.nextNodeId)`,
        replace: `    if (id >= record.nextNodeId + 9n)`,
      },
    ],
    profile: "changing-members",
    seed: 1,
  },
  {
    name: "retires-at-once",
    breaks: "A node that is removed retires before anybody else holds what the new epoch begins with.",
    edits: [
      {
        file: "core/src/epochs.ts",
        find: `  if (!isRemoved(s) || s.retired || from.aru <= s.membership.beginsAfter) return;`,
        replace: `  if (!isRemoved(s) || s.retired) return;`,
      },
    ],
    profile: "changing-members",
    seed: 42,
  },
  {
    name: "removed-is-told-too-early",
    breaks: "Who was removed is sent away before anybody else holds what the new epoch begins with.",
    edits: [
      {
        file: "core/src/epochs.ts",
        find: `if (!wasMember || s.history.aru > beginsAfter ||`,
        replace: `if (!wasMember || s.history.aru >= 0 ||`,
      },
    ],
    profile: "changing-members",
    seed: 42,
  },
  {
    name: "install-stays-in-the-old-epoch",
    breaks: "Rule 7: a snapshot of a later epoch is installed, and the epoch not entered.",
    edits: [
      {
        file: "core/src/snapshots.ts",
        find: `if (epochRecord !== undefined && Number(epochRecord.epoch) > s.membership.epoch) enterEpoch`,
        replace: `if (epochRecord !== undefined && Number(epochRecord.epoch) < 0) enterEpoch`,
      },
    ],
    profile: "changing-snapshots",
    seed: 1,
  },
  {
    name: "leader-of-an-old-epoch-goes-on",
    breaks:
      "Liveness: a leader that hears of a later epoch does not stop, and so never learns how its own has ended.",
    edits: [
      {
        file: "core/src/epochs.ts",
        find: `  if (s.role !== "leader" && s.role !== "preparing") return;
  s.settings`,
        replace: `  if (s.role !== "preparing") return;
  s.settings`,
      },
    ],
    profile: "changing-duel",
    seed: 5,
  },
  {
    name: "taken-over-with-updates-forwarded",
    breaks:
      "Liveness: who takes the leadership over never proposes what it had forwarded to the leader before.",
    edits: [
      {
        file: "core/src/transfer.ts",
        find: `  loseLeader(s);
  s.updates.restart();
  startPrepare(s, view);`,
        replace: `  loseLeader(s);
  startPrepare(s, view);`,
      },
    ],
    profile: "hand-overs",
    seed: 1,
  },
];
