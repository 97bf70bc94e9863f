import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { InvariantError } from "@paxos/core";
import { PeerFrameSchema, PeerService, type PeerFrame } from "@paxos/proto";
import {
  frameTargetBytes,
  helloFrameBytes,
  keepAlive,
  type Ended,
  type PeerAttempt,
} from "@paxos/transport-kit";
import type { ClientHttp2Session } from "node:http2";
import { dial, DialedSession, originOf } from "./dial.js";
import { describeConnectError } from "./error-codes.js";
import { windowBytes } from "./http2-settings.js";
import { OutgoingFrames } from "./outgoing-frames.js";
import { connectionOf } from "./session-connection.js";

/** One connection to a peer, and the stream on it, from dialling to its end. */
export async function exchangeWithPeer(attempt: PeerAttempt): Promise<Ended> {
  const { peer, signal: closing } = attempt;
  const { connectTimeoutMs: timeoutMs } = attempt.linkage.settings;
  let session: ClientHttp2Session;
  try {
    session = await dial(peer.address, { timeoutMs, windowBytes, signal: closing });
  } catch (error) {
    return { reason: describeConnectError(error) };
  }
  const connection = connectionOf(session);
  if (session.destroyed || closing.aborted) {
    await connection.hungUp();
    return { reason: "the connection was lost" };
  }
  const ended = new AbortController();
  let cause: Error | undefined;
  session.on("error", (error: Error) => (cause ??= error));
  session.once("close", () => ended.abort(new Error("the connection was closed")));
  const onClosing = (): void => connection.hangUp();
  closing.addEventListener("abort", onClosing);
  const hello = create(PeerFrameSchema, { hello: attempt.hello() });
  const frames = new OutgoingFrames(hello, attempt.lanes, frameTargetBytes);
  try {
    return await exchange(attempt, session, frames, ended.signal);
  } catch (error) {
    if (error instanceof InvariantError) throw error;
    return { reason: describeConnectError(cause ?? error) };
  } finally {
    frames.end();
    closing.removeEventListener("abort", onClosing);
    await connection.hungUp();
  }
}

async function exchange(
  attempt: PeerAttempt,
  session: ClientHttp2Session,
  frames: OutgoingFrames,
  signal: AbortSignal,
): Promise<Ended> {
  const { keepAlive: pings, connectTimeoutMs } = attempt.linkage.settings;
  const connection = connectionOf(session);
  keepAlive(connection, pings, () => frames.bytesInFlight);
  const timer = setTimeout(
    () => connection.hangUp(new Error(`no handshake within ${connectTimeoutMs} ms`)),
    connectTimeoutMs,
  );
  signal.addEventListener("abort", () => clearTimeout(timer));
  const answers = exchangeOn(session, attempt.peer.address, frames, signal)[Symbol.asyncIterator]();
  const first = await answers.next();
  clearTimeout(timer);
  const failed = attempt.answered(first.done === true ? undefined : first.value);
  if (failed !== undefined) {
    if (failed.say !== undefined) {
      frames.endWith(create(PeerFrameSchema, { refusal: failed.say }));
      // The callee ends the stream when it has read the refusal; a callee that does not is cut off by the timer.
      const last = setTimeout(() => connection.hangUp(), connectTimeoutMs);
      await answers.next().catch(() => undefined);
      clearTimeout(last);
    }
    return failed.ended;
  }
  attempt.connected(() => frames.wake());
  frames.open();
  for (;;) {
    const answer = await answers.next();
    if (answer.done === true) return { reason: "the peer ended the connection" };
    if (answer.value.refusal !== undefined) return attempt.refused(answer.value.refusal);
  }
}

function exchangeOn(
  session: ClientHttp2Session,
  address: string,
  frames: OutgoingFrames,
  signal: AbortSignal,
): AsyncIterable<PeerFrame> {
  const transport = createConnectTransport({
    baseUrl: originOf(address),
    httpVersion: "2",
    sessionManager: new DialedSession(address, () => Promise.resolve(session)),
    acceptCompression: [],
    // The frames that a callee answers with are a Hello, a refusal, or empty.
    readMaxBytes: helloFrameBytes,
  });
  return createClient(PeerService, transport).exchange(frames, { signal });
}
