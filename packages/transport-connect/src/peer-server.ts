import { create } from "@bufbuild/protobuf";
import { ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { PeerFrameSchema, type PeerFrame, type PeerService } from "@paxos/proto";
import type { PeerReceiver } from "@paxos/transport-kit";
import { sessionKey } from "./request-listener.js";
import { connectionOf } from "./session-connection.js";

/** Receives the streams of all peers. */
export class PeerServer implements ServiceImpl<typeof PeerService> {
  constructor(
    private readonly receiver: PeerReceiver,
    /** How long a caller's first frame may take. */
    private readonly connectTimeoutMs: number,
  ) {}

  async *exchange(
    requests: AsyncIterable<PeerFrame>,
    { values, signal }: HandlerContext,
  ): AsyncGenerator<PeerFrame> {
    const session = values.get(sessionKey);
    if (session === undefined) return;
    const connection = connectionOf(session);
    const frames = requests[Symbol.asyncIterator]();
    try {
      const timer = setTimeout(() => connection.hangUp(), this.connectTimeoutMs);
      const first = await frames.next().finally(() => clearTimeout(timer));
      const answer = this.receiver.greet(first.done === true ? undefined : first.value, connection);
      yield create(
        PeerFrameSchema,
        answer.from === undefined ? { refusal: answer.refusal } : { hello: answer.hello },
      );
      if (answer.from === undefined) return;
      this.receiver.admit(answer.from, connection);
      for (;;) {
        const next = await frames.next();
        if (next.done === true) return;
        if (!this.receiver.receive(answer.from, next.value, connection)) return;
      }
    } catch (error) {
      // What did not decode is a ConnectError; that the connection was lost is not worth a word here, the peer dials again.
      if (error instanceof ConnectError && !signal.aborted) {
        this.receiver.undecodable(connection, error.rawMessage);
      }
    }
  }
}
