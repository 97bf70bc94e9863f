import type { PeerAddress, TransportContext } from "@paxos/core";
import type { Counters } from "./counters.js";
import type { LimitedLog } from "./limited-log.js";
import type { ReplicaTransportSettings } from "./options.js";
import type { RefusalNotices } from "./refusal-notices.js";

/** What all connections between peers of one transport share. */
export interface PeerLinkage {
  readonly context: TransportContext;
  readonly settings: ReplicaTransportSettings;
  readonly counters: Counters;
  readonly log: LimitedLog;
  readonly notices: RefusalNotices;
  /** Where a node is reached that is a peer at this moment; undefined when it is none. */
  peer(nodeId: number): PeerAddress | undefined;
}
