import { invariant } from "./errors.js";
import type { State } from "./state.js";

/** What must hold between any two inputs. Cheap enough to be asked in production. */
export function checkInvariants(s: State): void {
  const { membership } = s;
  const { nodeId } = s.settings;
  invariant(s.durable.epoch === membership.epoch, "what is called durable is of this epoch");
  invariant(s.promised >= s.durable.promisedView, "the promise is not below the durable one");
  invariant(s.promised >= membership.firstView, "no lower view of an epoch than its first exists");
  invariant(s.history.aru >= s.durable.aru, "the ARU is not below the durable one");
  invariant(s.led === undefined || s.led <= s.promised, "a view that is led is promised");
  invariant(s.delivered <= s.history.aru, "only what is ordered is handed out");
  invariant(s.applied <= s.delivered, "only what was handed out is applied");
  invariant(s.attempted >= s.view || s.role !== "electing", "an attempt is not below the installed view");
  const { view, seq } = s.durable.accepted;
  invariant(view !== s.promised || seq <= s.history.accepted, "what is durably accepted is accepted");
  invariant(s.restoring === undefined || !s.replaying, "what a snapshot covers is not replayed");
  invariant(!s.storageFailed || s.role === "follower", "who cannot save leads nothing");
  if (s.role === "leader" || s.role === "preparing") {
    invariant(membership.leaderOf(s.view) === nodeId, "the leader leads a view of its own");
    invariant(s.led === s.view && s.promised === s.view, "the leader has promised the view it leads");
  }
  invariant(s.role === "follower" || membership.isVoter(nodeId), "only voters attempt and lead");
  if (s.role === "leader") invariant(s.durable.ledView === s.view, "the leader's leading is durable");
  invariant((s.role === "leader") === (s.leading !== undefined), "only the leader proposes");
  invariant((s.role === "preparing") === (s.preparing !== undefined), "only who prepares counts promises");
}
