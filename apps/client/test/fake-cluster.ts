// A cluster that is none: one order, kept in memory, behind the client's port of the transport.
import { create } from "@bufbuild/protobuf";
import { type ClientTransport, RequestError } from "@paxos/core";
import {
  type ClientUpdate,
  type GloballyOrderedUpdate,
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  type LogRequest,
  type LogResponse,
  Role,
  type StatusResponse,
  StatusResponseSchema,
} from "@paxos/proto";

/** What a server does with an update before the cluster gets it. Throw to refuse it; `hang` to keep silent. */
export type Behaviour = (update: ClientUpdate) => void | "hang" | "order, then fail";

export class FakeCluster implements ClientTransport {
  readonly ordered: GloballyOrderedUpdate[] = [];
  /** Addresses that updates were sent to, in their order. */
  readonly sentTo: string[] = [];
  readonly behaviours = new Map<string, Behaviour>();
  readonly statuses = new Map<string, StatusResponse>();
  /** Cuts the log's stream after so many entries. */
  cutLogAfter = Infinity;
  /** How many no-ops took a place before the first update, as the one of a new leader does. */
  noops = 0;
  /** The first seq that the servers still hold. */
  firstSeq = 1n;
  closed = 0;

  /** @param addresses - Those of the servers that answer, in the order of node ids. */
  constructor(readonly addresses: readonly string[]) {
    for (const [index, address] of addresses.entries()) this.start(address, index);
  }

  start(address: string, nodeId: number): void {
    this.statuses.set(
      address,
      create(StatusResponseSchema, {
        nodeId: BigInt(nodeId),
        role: nodeId === 0 ? Role.LEADER : Role.FOLLOWER,
        view: 3n,
        leaderId: 0n,
      }),
    );
  }

  async clientUpdate(
    address: string,
    update: ClientUpdate,
    signal: AbortSignal,
  ): Promise<GloballyOrderedUpdate> {
    this.sentTo.push(address);
    this.#requireReachable(address);
    const verdict = this.behaviours.get(address)?.(update);
    if (verdict === "hang") await aborted(signal);
    const answer = this.order(update);
    if (verdict === "order, then fail") throw new RequestError("unavailable", "connection lost");
    return answer;
  }

  /** Puts an update into the order, unless it is there already. */
  order(update: ClientUpdate): GloballyOrderedUpdate {
    const same = ({ update: other }: GloballyOrderedUpdate) =>
      other?.clientId === update.clientId && other.timestamp === update.timestamp;
    const first = this.ordered.find(same);
    if (first !== undefined) return { ...first, duplicate: true };
    const entry = create(GloballyOrderedUpdateSchema, {
      seq: BigInt(this.noops + this.ordered.length + 1),
      update,
    });
    this.ordered.push(entry);
    return entry;
  }

  async *log(_address: string, request: LogRequest, signal: AbortSignal): AsyncIterable<LogResponse> {
    let given = 0;
    const from = request.fromSeq < this.firstSeq ? this.firstSeq : request.fromSeq;
    if (from > request.fromSeq) yield create(LogResponseSchema, { firstSeq: from });
    for (const entry of this.ordered.filter(({ seq }) => seq >= from)) {
      if (given++ === this.cutLogAfter) throw new RequestError("unavailable", "connection lost");
      yield create(LogResponseSchema, { entries: [entry] });
    }
    if (request.follow) await aborted(signal);
  }

  async status(address: string): Promise<StatusResponse> {
    return { ...this.#requireReachable(address), localAru: BigInt(this.noops + this.ordered.length) };
  }

  async close(): Promise<void> {
    this.closed++;
  }

  #requireReachable(address: string): StatusResponse {
    const status = this.statuses.get(address);
    if (status === undefined) throw new RequestError("unavailable", "connection refused");
    return status;
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
  throw new RequestError("cancelled", "the request was cancelled");
}
