// `paxos-client log`: a server's ordered log.
import type { Client, ServerStatus } from "@paxos/client";
import { RequestError } from "@paxos/core";
import type { GloballyOrderedUpdate, StatusResponse } from "@paxos/proto";

import type { Context } from "./context.js";
import type { LogFlags } from "./invocation.js";
import { updateJson, updateText } from "./output.js";
import { PROBE_MS, probeAll } from "./probe.js";
import { whyNot } from "./server-names.js";

/** How long servers have to answer at first, so that a silent one holds up nobody. */
const FIRST_PROBE_MS = 300;

/** The pause before all servers are asked again, when none of them has had anything to read. */
const PAUSE_MS = 1_000;

/** Prints the log of the chosen server, or of one that answers. Resolves with the exit status. */
export async function logCommand(context: Context, flags: LogFlags): Promise<number> {
  const { server } = flags;
  const reading = new LogReading(context, flags, context.connect());
  if (server !== undefined) return reading.readOnce(context.servers.withId(server).address);
  return flags.follow ? reading.follow() : reading.readOnce();
}

class LogReading {
  readonly #context: Context;
  readonly #flags: LogFlags;
  readonly #client: Client;
  /** The first seq that has not been printed. */
  #next: number;
  /** Whether it goes on where a server has dropped what would be next; else it ends there. */
  #mayLeaveOut: boolean;

  constructor(context: Context, flags: LogFlags, client: Client) {
    this.#context = context;
    this.#flags = flags;
    this.#client = client;
    this.#next = flags.from ?? 1;
    this.#mayLeaveOut = flags.from === undefined;
  }

  /** Reads one server's log. Without an address, that of one that answers. */
  async readOnce(chosen?: string): Promise<number> {
    const { output, servers } = this.#context;
    const choice = await this.#choose(chosen === undefined ? servers.addresses : [chosen]);
    if (this.#interrupted) return 0;
    if ("reasons" in choice) {
      output.note(`not reached: ${choice.reasons}`);
      return 1;
    }
    const end = await this.#print(choice.address);
    if (end === undefined) return 0;
    if ("firstSeq" in end) return this.#endBeforeGap(choice.address, end.firstSeq);
    output.note(
      `${servers.describe(choice.address)}: ${end.failure}; to go on from here: --from ${this.#next}`,
    );
    return 1;
  }

  /** Follows one server's log, and another one's when that fails, until the program is interrupted. */
  async follow(): Promise<number> {
    const { output, servers, environment } = this.#context;
    const { addresses } = servers;
    let choice = await this.#choose(addresses);
    if ("reasons" in choice && !this.#interrupted) {
      output.note(`not reached: ${choice.reasons}`);
      return 1;
    }
    while ("address" in choice && !this.#interrupted) {
      const { address } = choice;
      const from = this.#next;
      const end = (await this.#print(address)) ?? { failure: "the log came to an end" };
      if (this.#interrupted) break;
      if ("firstSeq" in end) return this.#endBeforeGap(address, end.firstSeq);
      if (this.#next === from) await environment.wait(PAUSE_MS, environment.interrupt.signal);
      choice = await this.#choose(addresses.filter((other) => other !== address));
      const lost = `${servers.describe(address)}: ${end.failure}`;
      if ("reasons" in choice && !this.#interrupted) choice = await this.#waitForAny(lost);
      if ("address" in choice && !this.#interrupted)
        output.note(`${lost}; going on at ${servers.describe(choice.address)} from seq ${this.#next}`);
    }
    return 0;
  }

  /** The one that failed may come back before the others. Resolves without an address when the program is to end. */
  async #waitForAny(lost: string): Promise<Choice> {
    const { output, servers, environment } = this.#context;
    for (let told = false; ; told = true) {
      const choice = await this.#choose(servers.addresses);
      if ("address" in choice || this.#interrupted) return choice;
      if (!told) output.note(`${lost}; no server answers, waiting for one to go on from seq ${this.#next}`);
      await environment.wait(PAUSE_MS, environment.interrupt.signal);
    }
  }

  get #interrupted(): boolean {
    return this.#context.environment.interrupt.signal.aborted;
  }

  /** Resolves with how it broke off; undefined when the log has been printed to its end, or the program is to end. */
  async #print(address: string): Promise<LogEnd | undefined> {
    const { output, environment } = this.#context;
    const { follow, all, json } = this.#flags;
    const { signal } = environment.interrupt;
    const from = this.#next;
    try {
      for await (const piece of this.#client.log({ from, follow, server: address, signal })) {
        const firstSeq = Number(piece.firstSeq);
        if (firstSeq > this.#next) {
          if (!this.#mayLeaveOut) return { firstSeq };
          output.note(this.#gap(address, firstSeq));
          this.#next = firstSeq;
        }
        // Once it has begun, only who follows whatever server there is would rather have the rest than none.
        this.#mayLeaveOut = follow && this.#flags.server === undefined;
        for (const entry of piece.entries) {
          if (signal.aborted) return undefined;
          if (all || !entry.duplicate) await output.print(json ? formatJson(entry) : formatText(entry));
          this.#next = Math.max(this.#next, Number(entry.seq) + 1);
        }
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return signal.aborted ? undefined : { failure: whyNot(error, PROBE_MS) };
    }
  }

  #endBeforeGap(address: string, firstSeq: number): number {
    this.#context.output.note(`${this.#gap(address, firstSeq)}; to go on from there: --from ${firstSeq}`);
    return 1;
  }

  /** What a server has dropped of what would be next. */
  #gap(address: string, firstSeq: number): string {
    const server = this.#context.servers.describe(address);
    return `${server} holds the log from seq ${firstSeq} on; from seq ${this.#next} to ${firstSeq - 1} it is compacted`;
  }

  /**
   * The first of these servers that answers and holds what is next, or, where none does, the one that has dropped least. Or why
   * none answers.
   */
  async #choose(addresses: readonly string[]): Promise<Choice> {
    const { servers, environment } = this.#context;
    let asked: ServerStatus[] = [];
    for (const ms of [FIRST_PROBE_MS, PROBE_MS]) {
      const all = await probeAll(this.#client, environment, ms);
      asked = all.filter(({ address }) => addresses.includes(address));
      const answers = asked.flatMap((one) => ("status" in one ? [one] : []));
      const [best] = answers.toSorted((a, b) => this.#missingAt(a.status) - this.#missingAt(b.status));
      if (best !== undefined) return best;
      // Those that have said no will not say anything else a moment later.
      const isSilent = (one: ServerStatus) => "error" in one && one.error.code !== "unavailable";
      if (this.#interrupted || !asked.some(isSilent)) break;
    }
    const why = asked.flatMap((one) =>
      "error" in one ? [`${servers.describe(one.address)}: ${whyNot(one.error, PROBE_MS)}`] : [],
    );
    return { reasons: why.join(", ") };
  }

  /** How many seqs a server has dropped of those that would be next. */
  #missingAt({ firstSeq }: StatusResponse): number {
    return Math.max(0, Number(firstSeq) - this.#next);
  }
}

/** How a log broke off: it failed, or what would be next has been dropped, and it goes on at `firstSeq`. */
type LogEnd = { readonly failure: string } | { readonly firstSeq: number };

/** Whose log is read, or why nobody's. */
type Choice = { readonly address: string } | { readonly reasons: string };

function formatText({ seq, update, duplicate }: GloballyOrderedUpdate): string {
  return `${seq}\t${updateText(update?.update ?? new Uint8Array())}${duplicate ? "\t(ordered again)" : ""}`;
}

function formatJson({ seq, update, duplicate }: GloballyOrderedUpdate): string {
  return JSON.stringify({
    seq: Number(seq),
    // Strings: both use all 64 bits, and a JSON number has 53.
    clientId: String(update?.clientId ?? 0n),
    timestamp: String(update?.timestamp ?? 0n),
    ...updateJson(update?.update ?? new Uint8Array()),
    ...(duplicate ? { duplicate } : {}),
  });
}
