import { create } from "@bufbuild/protobuf";
import { ClientUpdateSchema, type ClientUpdate } from "@paxos/proto";
import type { Random } from "../random.js";
import type { Host } from "../world/host.js";
import type { Answer } from "../world/process.js";
import { encodeCall, type Call } from "./call.js";
import { beginAttempt, drawDelay, type Courier, type Desk } from "./courier.js";

/** A client id, used by one courier or several, and the timestamps that it has given out. */
export class Identity {
  #timestamp = 0n;

  constructor(readonly clientId: bigint) {}

  nextTimestamp(): bigint {
    return ++this.#timestamp;
  }
}

const maxAttempts = 12;

/**
 * A client without a library, and a rough one: it tries again through any node, soon or while a node still works on the
 * call, and has not registered.
 */
export class Attempts implements Courier {
  /** The node that it talks to until that fails it. */
  #host: Host;
  #patient = false;
  /** The call under way. */
  #call: Call | undefined;

  constructor(
    private readonly identity: Identity,
    private readonly random: Random,
    host: Host,
    private readonly desk: Desk,
  ) {
    this.#host = host;
  }

  becomePatient(): void {
    this.#patient = true;
  }

  send(call: Call): void {
    this.#call = call;
    const { clientId } = this.identity;
    const timestamp = this.identity.nextTimestamp();
    const update = encodeCall(call.id, call.update);
    this.#attempt(call, create(ClientUpdateSchema, { clientId, timestamp, update }));
  }

  #attempt(call: Call, update: ClientUpdate): void {
    const { random, desk } = this;
    const { world } = desk;
    const host = this.#host;
    beginAttempt(desk, call, host.id);
    const attempt = call.attempts;
    const cancel = new AbortController();
    let entered: object | undefined;
    const current = () => this.#call === call && call.attempts === attempt;
    const receive = (answer: Answer) => {
      // An answer that comes late is an answer. A refusal that does is not: another attempt is under way.
      if (this.#call === call && (answer.kind === "ordered" || current()))
        this.#onAnswer(call, update, host, answer);
    };
    world.after(drawDelay(random), () => {
      const { process } = host;
      const onAnswer = (answer: Answer) => world.after(drawDelay(random), () => receive(answer));
      const taken =
        process?.request(update, { number: call.id, attempt: call.attempts }, cancel.signal, onAnswer) ??
        false;
      if (taken) entered = process;
      else onAnswer({ kind: "failed", code: "unavailable", message: "nobody listens" });
    });
    const [low, high] = desk.conditions.timeoutMs;
    const expire = () => {
      if (!current()) return;
      const working = entered !== undefined && entered === host.process && !desk.avoided.has(host);
      if (this.#patient && working) return world.after(100_000, expire);
      if (!this.#patient && random.chance(500)) cancel.abort();
      if (current()) this.#again(call, update);
    };
    world.after(random.between(low * 1000, high * 1000), expire);
  }

  #onAnswer(call: Call, update: ClientUpdate, host: Host, answer: Answer): void {
    const { desk, random } = this;
    if (answer.kind === "ordered") {
      this.#call = undefined;
      return desk.ordered(call, host.id, answer.seq, answer.result);
    }
    if (answer.code === "too_large" || answer.code === "invalid") return this.#end(call, "rejected");
    // A session remembers a thousand answers at least, and no client has so many calls newer than this one.
    if (answer.code === "expired" || answer.code === "unexpected")
      return desk.world.violate("answers", `node ${host.id} answers call ${call.id}: ${answer.message}`);
    if (answer.code === "busy") desk.busy(call, host.id);
    const attempt = call.attempts;
    desk.world.after(random.between(5_000, 50_000), () => {
      if (this.#call === call && call.attempts === attempt) this.#again(call, update);
    });
  }

  #again(call: Call, update: ClientUpdate): void {
    const { random, desk } = this;
    const givesUp =
      !this.#patient && (call.attempts >= maxAttempts || random.chance(desk.conditions.givesUpPerMille));
    this.#host = random.pick(desk.hosts.filter((host) => !desk.avoided.has(host))) ?? this.#host;
    if (givesUp) this.#end(call, "unknown");
    else this.#attempt(call, update);
  }

  #end(call: Call, outcome: "rejected" | "unknown"): void {
    this.#call = undefined;
    this.desk.ended(call, outcome);
  }
}
