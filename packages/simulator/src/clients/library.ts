// The shipped client library, over simulated connections and in virtual time.
import { RequestError, type ClientTransport, type RequestErrorCode } from "@paxos/core";
import { create } from "@bufbuild/protobuf";
import { connect, SubmitError, type Client } from "@paxos/client";
import {
  GloballyOrderedUpdateSchema,
  UpdateKind,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type MembersResponse,
  type StatusResponse,
} from "@paxos/proto";
import type { Random } from "../random.js";
import type { Host } from "../world/host.js";
import { decodeCall, encodeCall, type Call } from "./call.js";
import { beginAttempt, drawDelay, type Courier, type Desk } from "./courier.js";

/** How long a call may take, in milliseconds: shorter than what a run waits for at its end. */
const deadlineMs = [800, 6000] as const;

/** By how much a call may miss its deadline, in microseconds: it counts milliseconds. */
const deadlineSlackUs = 2_000;

/** A client of the cluster as an application has it, with calls of several simulated clients under way. */
export class Library implements Courier {
  readonly #client: Client;
  readonly #transport: SimulatedClientTransport;

  constructor(
    private readonly random: Random,
    private readonly desk: Desk,
  ) {
    const { world } = desk;
    this.#transport = new SimulatedClientTransport(random.fork("network"), desk);
    const chance = random.fork("library");
    this.#client = connect({
      servers: serversOf(desk.hosts, random),
      transport: this.#transport,
      discover: desk.conditions.discover,
      environment: {
        now: () => world.now / 1000,
        after: (ms, callback) => {
          let cancelled = false;
          world.after(Math.ceil(ms * 1000), () => {
            if (!cancelled) callback();
          });
          return () => void (cancelled = true);
        },
        random: () => chance.next() / 2 ** 32,
        clientId: () => (1n << 32n) + BigInt(chance.next()),
      },
    });
  }

  becomePatient(): void {
    // It is as patient as its deadline allows.
  }

  send(call: Call): void {
    const { world } = this.desk;
    const timeoutMs = this.random.between(...deadlineMs);
    world.after(timeoutMs * 1000 + deadlineSlackUs, () => {
      if (call.outcome !== "pending") return;
      world.violate("answers", `call ${call.id} is not settled ${timeoutMs} ms after it was submitted`);
    });
    this.#client.submit(encodeCall(call.id, call.update), { timeoutMs }).then(
      ({ seq, result }) => this.desk.ordered(call, this.#transport.answeredBy(call), seq, result),
      (error: unknown) => this.#failed(call, error),
    );
  }

  #failed(call: Call, error: unknown): void {
    const { forgetful } = this.desk.conditions;
    const wrong =
      !(error instanceof SubmitError) || error.code === "invalid" || (error.code === "expired" && !forgetful);
    if (wrong) this.desk.world.violate("answers", `call ${call.id} fails: ${String(error)}`, error);
    else this.desk.ended(call, error.outcome);
  }
}

/** Some clients know one server only, which has to pass their updates on. */
function serversOf(hosts: readonly Host[], random: Random): string[] {
  const only = random.chance(200) ? random.pick(hosts) : undefined;
  return (only === undefined ? hosts : [only]).map(addressOf);
}

function addressOf(host: Host): string {
  return `node-${host.id}:2346`;
}

/** Which node's address it is. The node's machine may not be set up yet. */
function idAt(address: string): number {
  const id = /^node-(\d+):2346$/.exec(address)?.[1];
  if (id === undefined) throw new RequestError("invalid", `there is no server ${address}`);
  return Number(id);
}

/** The answer to a question about a server, unless nobody listens there, or nobody wants it any more. */
function answered<T>(
  signal: AbortSignal,
  ask: (resolve: (answer: T) => void, fail: () => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new RequestError("unavailable", "nobody listens"));
    signal.addEventListener("abort", fail);
    ask(resolve, fail);
  });
}

/** Carries the library's requests to nodes, and their answers back. */
class SimulatedClientTransport implements ClientTransport {
  /** Of each call, the node whose answer came last. */
  readonly #answeredBy = new Map<number, number>();

  constructor(
    private readonly random: Random,
    private readonly desk: Desk,
  ) {}

  answeredBy(call: Call): number {
    return this.#answeredBy.get(call.id) ?? -1;
  }

  clientUpdate(address: string, update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    const { desk, random } = this;
    const { world } = desk;
    const nodeId = idAt(address);
    const call = callOf(update, desk);
    if (call !== undefined) beginAttempt(desk, call, nodeId);
    const about = { number: call?.id ?? -1, attempt: call?.attempts ?? 0 };
    return new Promise((resolve, reject) => {
      const atServer = new AbortController();
      const fail = (code: RequestErrorCode, message: string) => reject(new RequestError(code, message));
      signal.addEventListener("abort", () => {
        fail("cancelled", "the attempt was given up");
        // Whether the server learns of it is open: its connection may be gone.
        if (random.chance(500)) world.after(drawDelay(random), () => atServer.abort());
      });
      world.after(drawDelay(random), () => {
        const taken = desk.hosts[nodeId]?.process?.request(update, about, atServer.signal, (answer) =>
          world.after(drawDelay(random), () => {
            // An attempt that was given up: later ones have told the cluster that no answer is wanted any more.
            if (signal.aborted) return;
            if (answer.kind === "failed" && answer.code === "busy" && call !== undefined)
              desk.busy(call, nodeId);
            if (answer.kind === "failed") return this.#refused(answer, about.number, fail);
            if (call !== undefined) this.#answeredBy.set(call.id, nodeId);
            const { seq, result, duplicate = false, leaderId } = answer;
            const leader = leaderId === undefined ? {} : { leaderId };
            resolve(create(GloballyOrderedUpdateSchema, { seq: BigInt(seq), result, duplicate, ...leader }));
          }),
        );
        if (taken !== true) world.after(drawDelay(random), () => fail("unavailable", "nobody listens"));
      });
    });
  }

  status(address: string, signal: AbortSignal): Promise<StatusResponse> {
    const { desk, random } = this;
    const nodeId = idAt(address);
    return answered(signal, (resolve, fail) => {
      desk.world.after(2 * drawDelay(random), () => {
        const status = desk.hosts[nodeId]?.process?.status();
        if (status === undefined) fail();
        else resolve(status);
      });
    });
  }

  query(): never {
    throw new RequestError("unavailable", "readers ask the nodes themselves");
  }

  log(): never {
    throw new RequestError("unavailable", "logs are read at the end of a run, from the nodes themselves");
  }

  takeSnapshot(): never {
    throw new RequestError("unavailable", "operators take snapshots, at the nodes themselves");
  }

  backup(): never {
    throw new RequestError("unavailable", "nobody takes backups");
  }

  members(address: string, signal: AbortSignal): Promise<MembersResponse> {
    const { desk, random } = this;
    const { world } = desk;
    const nodeId = idAt(address);
    return answered(signal, (resolve, fail) => {
      world.after(drawDelay(random), () => {
        const answer = (members: MembersResponse) => world.after(drawDelay(random), () => resolve(members));
        if (desk.hosts[nodeId]?.process?.members(answer) !== true) world.after(drawDelay(random), fail);
      });
    });
  }

  changeMembership(): never {
    throw new RequestError("unavailable", "operators change the membership, at the nodes themselves");
  }

  transferLeadership(): never {
    throw new RequestError("unavailable", "operators move the leadership, at the nodes themselves");
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #refused(
    { code, message }: { readonly code: string; readonly message: string },
    number: number,
    fail: (code: RequestErrorCode, message: string) => void,
  ): void {
    if (code === "busy" || code === "too_large" || code === "unavailable" || code === "cancelled")
      return fail(code, message);
    if (code === "expired" && this.desk.conditions.forgetful) return fail(code, message);
    this.desk.world.violate("answers", `call ${number} is answered as ${code}: ${message}`);
    fail("unavailable", message);
  }
}

/** Undefined when it is a registration. */
function callOf(update: ClientUpdate, { calls }: Desk): Call | undefined {
  if (update.kind === UpdateKind.REGISTER) return undefined;
  return calls.all[decodeCall(update.update)?.id ?? -1];
}
