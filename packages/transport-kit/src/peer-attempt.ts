import type { PeerAddress } from "@paxos/core";
import type { HandshakeRefusal, Hello } from "@paxos/proto";
import { checkHello, handshakeRefusal, helloFrom, readRefusal, type Greeting } from "./handshake.js";
import type { Lanes } from "./lanes.js";
import type { PeerLinkage } from "./linkage.js";

/** How a connection to a peer ended. There is no reason when it has been told already, as a refusal. */
export interface Ended {
  readonly reason?: string;
}

/**
 * Makes one connection to a peer and runs it to its end. Resolves when nothing of it is left open, also when it could not be made;
 * rejects only when the node itself is at fault.
 */
export type Connect = (attempt: PeerAttempt) => Promise<Ended>;

/** One attempt at a connection to a peer: what to say on it, and whom to tell what comes back. */
export class PeerAttempt {
  constructor(
    readonly peer: PeerAddress,
    /** What waits to be sent. To be taken from once the handshake has succeeded. */
    readonly lanes: Lanes,
    /** Aborted when the connection must be closed at once. */
    readonly signal: AbortSignal,
    readonly linkage: PeerLinkage,
    private readonly onConnected: (wake: () => void) => void,
  ) {}

  /** The first thing to say. */
  hello(): Hello {
    return helloFrom(this.linkage.context.identity, this.peer.nodeId);
  }

  /**
   * Looks at the peer's first frame; undefined when it ended the connection without one. Undefined when the
   * handshake has succeeded; else how the connection ends, and what is to be said before.
   */
  answered(
    first: Greeting | undefined,
  ): { readonly ended: Ended; readonly say?: HandshakeRefusal } | undefined {
    const { context, counters, log, notices } = this.linkage;
    // What the peer has said before it was hung up on may still be on its way.
    if (this.signal.aborted) return { ended: {} };
    if (first?.refusal !== undefined) {
      notices.refused(this.peer, readRefusal(first.refusal));
      return { ended: {} };
    }
    const check = checkHello(first, context, this.peer.nodeId);
    if (!("refusal" in check)) return undefined;
    const { reason, detail } = check.refusal;
    counters.add(`refused_${reason}`);
    log.warn(`refused_${reason}`, `refused what answers at ${this.peer.address}: ${detail}`);
    return { ended: { reason: `refused: ${detail}` }, say: handshakeRefusal(check.refusal) };
  }

  /**
   * To be called when the handshake has succeeded, before the first message is taken. `wake` is called whenever something
   * was put into the lanes.
   */
  connected(wake: () => void): void {
    this.onConnected(wake);
  }

  /** To be called when the peer refuses this node after all. */
  refused(refusal: HandshakeRefusal): Ended {
    const { reason, detail } = readRefusal(refusal);
    if (!this.signal.aborted) this.linkage.notices.refused(this.peer, { reason, detail });
    return { reason: `refused: ${detail}` };
  }
}
