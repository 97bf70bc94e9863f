// Versions of the state machine's commands: a new one is used once every member knows it, and no earlier.
import { proposeEpoch } from "./change.js";
import type { State } from "./state.js";
import { hears } from "./view.js";

/**
 * Every heartbeat: what all members know, they may use from now on. The epoch record says so, because it is the same for all from one
 * seq on; nodes that do not know it are refused from then on (see stores), and do not go on behind its stop sign (see epochs). What a
 * node knows it has said when it introduced itself; whoever is not heard may come back as another release.
 */
export function raiseCommandVersion(s: State): void {
  const { leading, membership } = s;
  const { record } = membership;
  let version = s.settings.commandVersion;
  if (version <= record.commandVersion || leading === undefined) return;
  if (leading.ending !== undefined || s.transfer !== undefined) return;
  for (const peer of s.peers.values()) {
    version = Math.min(version, hears(s, peer) ? (peer.commandVersion ?? 0) : 0);
  }
  if (version <= record.commandVersion) return;
  s.settings.logger.info(
    `every member knows version ${version} of the commands: it is used from the next epoch on`,
  );
  // What asked for the last change must go on to find it made.
  proposeEpoch(s, leading, { ...record, epoch: record.epoch + 1n, commandVersion: version });
}
