// Profiles about memberships that change, and leaderships that move.
import { duel, hostile, rough } from "./base-profiles.js";
import { frequentSnapshots } from "./conditions.js";
import type { Profile } from "./profile.js";

export type MembershipProfileName =
  | "changing-members"
  | "changing-duel"
  | "changing-snapshots"
  | "hand-overs";

export const membershipProfiles: Readonly<Record<MembershipProfileName, Profile>> = {
  "changing-members": {
    ...rough,
    name: "changing-members",
    about: "nodes join, vote, leave and are replaced, all in the midst of everything else",
    nodes: [3, 5, 1, 2, 4],
    everyMs: [200, 1200],
    faults: { ...rough.faults, change: 20, "hand-over": 4 },
  },
  "changing-duel": {
    ...duel,
    name: "changing-duel",
    about: "stop signs in minority logs, beside what a majority orders without them",
    faults: { ...duel.faults, change: 20, "hand-over": 4 },
  },
  "changing-snapshots": {
    ...hostile,
    name: "changing-snapshots",
    about: "nodes skip whole epochs by snapshot",
    nodes: [3, 3, 5],
    faults: { ...hostile.faults, change: 20, "hand-over": 3, snapshot: 12 },
    snapshots: frequentSnapshots,
  },
  "hand-overs": {
    ...rough,
    name: "hand-overs",
    about: "the leadership is moved all the time",
    everyMs: [100, 800],
    faults: { ...rough.faults, "hand-over": 20 },
  },
};
