import { membersOf, type Membership } from "./membership.js";
import type { LastSave } from "./save-history.js";

/** What a node knows of another member, from that member's messages. */
export interface Peer {
  readonly nodeId: number;
  /** Where it is reached: host:port. */
  address: string;
  isVoter: boolean;
  /** The tick at which it was last heard, in whichever epoch; undefined before. */
  lastHeard: number | undefined;
  /** The tick at which it was last heard in this node's epoch; undefined before. */
  heardInEpoch: number | undefined;
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
  /** The newest version of commands that its state machine knows, as it introduced itself; undefined before. */
  commandVersion: number | undefined;
  /** Whether that id is durably on record here: before, none of its votes counts (safety rules 5 and 8). */
  storeDurable: boolean;
  /** The seq from which it was last asked for missed updates, until it answers. */
  askedSeq: number | undefined;
  /** The first seq that it still needs of this node's log, as its last question says, and when that came. */
  needs: { readonly seq: number; readonly tick: number } | undefined;
  /** The leader's book about sending again: what was acknowledged a heartbeat ago, and how long to wait. */
  resend: { acknowledged: number; wait: number; waited: number };
}

/** A member that nothing is known of yet. */
function makePeer(nodeId: number, address: string, isVoter: boolean): Peer {
  return {
    nodeId,
    address,
    isVoter,
    lastHeard: undefined,
    heardInEpoch: undefined,
    aru: 0,
    promisedView: 0,
    hearsQuorum: false,
    knowsStores: false,
    accepted: { view: 0, seq: 0 },
    viewChange: undefined,
    storeId: undefined,
    save: undefined,
    commandVersion: undefined,
    storeDurable: false,
    askedSeq: undefined,
    needs: undefined,
    resend: { acknowledged: 0, wait: 1, waited: 0 },
  };
}

/**
 * All other members, in the order of the epoch record. Of those `known` before stays what is true in any epoch; votes and
 * promises were those of another one.
 */
export function makePeers(
  { record }: Membership,
  self: number,
  known: ReadonlyMap<number, Peer> = new Map(),
): ReadonlyMap<number, Peer> {
  const peers = new Map<number, Peer>();
  for (const member of membersOf(record)) {
    const nodeId = Number(member.nodeId);
    if (nodeId === self) continue;
    const votes = record.voters.includes(member);
    const peer = known.get(nodeId) ?? makePeer(nodeId, member.address, votes);
    Object.assign(peer, {
      address: member.address,
      isVoter: votes,
      promisedView: 0,
      knowsStores: false,
      accepted: { view: 0, seq: 0 },
      viewChange: undefined,
      resend: { acknowledged: 0, wait: 1, waited: 0 },
    });
    // The record is replicated, and durable with it: it counts, whatever was met before.
    if (member.storeId !== 0n) Object.assign(peer, { storeId: member.storeId, storeDurable: true });
    peers.set(nodeId, peer);
  }
  return peers;
}

/** A node that is no member here: one of a later epoch, or one that has left. */
export function makeStranger(nodeId: number, address: string): Peer {
  return makePeer(nodeId, address, false);
}
