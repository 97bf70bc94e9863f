// This node's own storage: a save that takes too long, or has failed. Who cannot save promises nothing and leads nothing.
import type { State } from "./state.js";
import { stepDown, storageStuck } from "./view.js";

/** How a node's storage does. Stuck: a save has been under way for longer than the progress timeout. */
export type StorageHealth = "ok" | "stuck" | "failed";

export function storageHealth(s: State): StorageHealth {
  if (s.storageFailed) return "failed";
  return storageStuck(s) ? "stuck" : "ok";
}

/** Every tick: says when storage hangs, and when it goes on. */
export function tickStorage(s: State): void {
  const stuck = !s.storageFailed && storageStuck(s);
  if (stuck === s.stuckLogged) return;
  s.stuckLogged = stuck;
  const { logger, progressTicks } = s.settings;
  if (stuck) {
    logger.warn(
      `storage has not finished a save for ${progressTicks} ticks: this node promises and leads nothing until it does`,
    );
  } else if (!s.storageFailed) {
    logger.info("storage saves again");
  }
}

/**
 * A save has failed. Nobody knows what the disk holds: nothing more is saved, so nothing more is promised. A leader says
 * at once that it leads no more, so that nobody waits for its timeout.
 */
export function onStorageFailed(s: State): void {
  if (s.storageFailed) return;
  s.storageFailed = true;
  s.fetch = undefined;
  s.catchUp.asked = undefined;
  stepDown(s);
}
