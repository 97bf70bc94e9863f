// What the rules of one lock say, told in another way: from what was answered, and nothing else.
import { MAX_STEP_MS } from "../src/logical-time.js";
import { PLACE_MS } from "../src/locks.js";
import type { LocksCopy } from "./locks-copy.js";

/** One command about the lock `l`, sent by its owner. */
export interface Act {
  readonly verb: string;
  readonly owner: string;
  readonly ttlMs: number;
}

export interface ActAnswer {
  readonly kind: string;
  readonly token?: number;
}

/** Performs it, with the token that its owner was given last. */
export function perform(
  copy: LocksCopy,
  { verb, owner, ttlMs }: Act,
  now: number,
  tokens: Map<string, number>,
): ActAnswer {
  const common = { name: "l", owner, now };
  const token = tokens.get(owner) ?? 1;
  const answer = (() => {
    switch (verb) {
      case "renew":
        return copy.apply("renew", { ...common, token, ttlMs });
      case "release":
        return copy.apply("release", { ...common, token });
      case "leave":
        return copy.apply("leave", common) ?? { kind: "left" };
      default:
        return copy.apply("acquire", { ...common, ttlMs, wait: verb === "acquire" });
    }
  })() as ActAnswer;
  if (answer.token !== undefined) tokens.set(owner, answer.token);
  return answer;
}

export class LockModel {
  #elapsed = 0;
  #wall: number | undefined;
  #lastToken = 0;
  #holder: { readonly owner: string; readonly token: number; readonly until: number } | undefined;
  #waiting: { readonly owner: string; readonly until: number }[] = [];

  /** What is wrong with an answer; undefined: nothing. `token` is what the owner gave, or would give. */
  judge({ verb, owner, ttlMs }: Act, now: number, token: number, answer: ActAnswer): string | undefined {
    this.#tick(now);
    const holder = this.#holder?.owner === owner && this.#holder.token === token ? this.#holder : undefined;
    const until = this.#elapsed + ttlMs;
    switch (verb) {
      case "renew":
        if (holder !== undefined) this.#holder = { ...holder, until };
        return answer.kind === (holder === undefined ? "lost" : "held") ? undefined : "renewed wrongly";
      case "release":
        if (holder !== undefined) this.#holder = undefined;
        return answer.kind === (holder === undefined ? "lost" : "released") ? undefined : "released wrongly";
      case "leave":
        if (this.#holder?.owner === owner) this.#holder = undefined;
        this.#forget(owner);
        return undefined;
    }
    if (answer.kind === "held") return this.#granted(owner, answer.token ?? 0, until);
    if (this.#holder?.owner === owner) return "refused to its holder";
    if (this.#holder === undefined && this.#waiting.every((waiter) => waiter.owner === owner))
      return "refused though it is free";
    if (answer.kind === "waiting") this.#waits(owner);
    return undefined;
  }

  #granted(owner: string, token: number, until: number): string | undefined {
    const before = this.#holder;
    const [first] = this.#waiting;
    const last = this.#lastToken;
    this.#holder = { owner, token, until };
    this.#lastToken = Math.max(last, token);
    this.#forget(owner);
    if (before?.owner === owner) return token === before.token ? undefined : "another token for its holder";
    if (before !== undefined) return `two holders: ${before.owner} and ${owner}`;
    if (token <= last) return "a token that does not rise";
    return first === undefined || first.owner === owner ? undefined : `${owner} has overtaken ${first.owner}`;
  }

  #waits(owner: string): void {
    const place = { owner, until: this.#elapsed + PLACE_MS };
    const index = this.#waiting.findIndex((waiter) => waiter.owner === owner);
    if (index < 0) this.#waiting.push(place);
    else this.#waiting[index] = place;
  }

  #forget(owner: string): void {
    this.#waiting = this.#waiting.filter((waiter) => waiter.owner !== owner);
  }

  #tick(now: number): void {
    if (this.#wall !== undefined && now > this.#wall)
      this.#elapsed += Math.min(now - this.#wall, MAX_STEP_MS);
    this.#wall = Math.max(this.#wall ?? 0, now);
    if (this.#holder !== undefined && this.#holder.until <= this.#elapsed) this.#holder = undefined;
    this.#waiting = this.#waiting.filter(({ until }) => until > this.#elapsed);
  }
}
