import type { Membership } from "./membership.js";
import type { LastSave } from "./save-history.js";

/** What a node knows of another member, from that member's messages. */
export interface Peer {
  readonly nodeId: number;
  readonly isVoter: boolean;
  /** The tick at which it was last heard; undefined before. */
  lastHeard: number | undefined;
  /** Its ARU. */
  aru: number;
  /** Its durable promise. */
  promisedView: number;
  /** Whether it hears a quorum and its storage makes progress. */
  hearsQuorum: boolean;
  /** Whether it has recorded the store ids of all voters. */
  knowsStores: boolean;
  /** Its vote: everything proposed in `view` up to `seq` is durable there. The highest view counts. */
  accepted: { view: number; seq: number };
  /** Its latest attempt, and when it came. */
  viewChange: { readonly view: number; readonly tick: number } | undefined;
  /** The id of its storage, once met. */
  storeId: bigint | undefined;
  /** The last save that it is known to have made durable (safety rule 8). */
  save: LastSave | undefined;
  /** Whether that id is durably on record here: before, none of its votes counts (safety rules 5 and 8). */
  storeDurable: boolean;
  /** The seq from which it was last asked for missed updates, until it answers. */
  askedSeq: number | undefined;
  /** The first seq that it still needs of this node's log, as its last question says, and when that came. */
  needs: { readonly seq: number; readonly tick: number } | undefined;
  /** The leader's book about sending again: what was acknowledged a heartbeat ago, and how long to wait. */
  resend: { acknowledged: number; wait: number; waited: number };
}

/** All other members, in the order of the epoch record. */
export function makePeers(membership: Membership, self: number): ReadonlyMap<number, Peer> {
  const peers = new Map<number, Peer>();
  for (const nodeId of membership.members) {
    if (nodeId === self) continue;
    peers.set(nodeId, {
      nodeId,
      isVoter: membership.isVoter(nodeId),
      lastHeard: undefined,
      aru: 0,
      promisedView: 0,
      hearsQuorum: false,
      knowsStores: false,
      accepted: { view: 0, seq: 0 },
      viewChange: undefined,
      storeId: undefined,
      save: undefined,
      storeDurable: false,
      askedSeq: undefined,
      needs: undefined,
      resend: { acknowledged: 0, wait: 1, waited: 0 },
    });
  }
  return peers;
}
