// The membership of a cluster changes under load until not one of its founders is left: for how long does the client hear
// nothing?
import { connect, type Client, type MembershipChangeInit } from "@paxos/client";
import { RequestError } from "@paxos/core";
import type { Held } from "./acknowledged.js";
import { describePauses, LoadedCluster, type LoadedClusterOptions, type Measured } from "./loaded-cluster.js";
import { newClientTransport } from "./transports.js";
import { until } from "./until.js";

export interface ChangeOptions extends LoadedClusterOptions {
  readonly runs: number;
  readonly onProgress: (what: string) => void;
}

type ChangeType = NonNullable<MembershipChangeInit["type"]>;

/** What is done to the cluster, in the order of the tables. */
export const steps = {
  add: "a learner is added",
  join: "a learner starts and catches up",
  promote: "a learner becomes a voter",
  removeFollower: "a follower is removed",
  removeLeader: "the leader is removed",
  replaceAll: "three others take over in one step",
} as const;
export type Step = keyof typeof steps;

interface Change extends Measured {
  readonly run: number;
  readonly step: Step;
}

export interface ChangeResult {
  readonly options: Omit<ChangeOptions, "onProgress">;
  readonly changes: readonly Change[];
  /** Exit statuses of the servers that were removed: of the founders, and of those that joined. */
  readonly exits: {
    readonly founders: readonly (number | null)[];
    readonly others: readonly (number | null)[];
  };
  /** By run. */
  readonly held: readonly Held[];
}

/** The window of a change: from so long before it is asked for until so long after it is answered. */
export const beforeMs = 100;
export const afterMs = 1_000;

const founders = [0, 1, 2];
const learners = [3, 4];
const successors = [5, 6, 7];

export async function benchChange({ onProgress, ...options }: ChangeOptions): Promise<ChangeResult> {
  const changes: Change[] = [];
  const exits = { founders: [] as (number | null)[], others: [] as (number | null)[] };
  const held: Held[] = [];
  for (let run = 1; run <= options.runs; run++) {
    const joining = learners.length + successors.length;
    const ofRun = await LoadedCluster.with(options, joining, async (cluster) => {
      const client = connect({
        servers: cluster.servers.addresses.slice(0, founders.length),
        transport: newClientTransport(options.transport),
      });
      const changing = new ChangingCluster(cluster, client, (step, measured) => {
        changes.push({ run, step, ...measured });
        onProgress(`run ${run} of ${options.runs}: ${steps[step]}: ${describePauses(measured)}`);
      });
      try {
        await changing.replaceStepByStep();
      } finally {
        await client.close();
      }
      for (const [id, status] of changing.exits) {
        (founders.includes(id) ? exits.founders : exits.others).push(status);
      }
      return successors[1] ?? Number.NaN;
    });
    held.push(ofRun);
  }
  return { options, changes, exits, held };
}

class ChangingCluster {
  /** By node id. */
  readonly exits = new Map<number, number | null>();

  constructor(
    private readonly cluster: LoadedCluster,
    private readonly client: Client,
    private readonly onMeasured: (step: Step, measured: Measured) => void,
  ) {}

  /** Three become five, three again, and three others. */
  async replaceStepByStep(): Promise<void> {
    for (const id of learners) await this.#join(id);
    for (const id of learners) await this.#change("promote", { case: "promote", value: BigInt(id) });
    const leader = await this.#leader();
    const [follower = Number.NaN] = founders.filter((id) => id !== leader);
    await this.#remove("removeFollower", follower);
    await this.#remove("removeLeader", await this.#leader());
    for (const id of successors) await this.#join(id);
    const left = [...founders, ...learners].filter((id) => !this.exits.has(id));
    const voters = successors.map((id) => ({ nodeId: BigInt(id) }));
    await this.#change("replaceAll", { case: "setMembers", value: { voters } }, left);
  }

  async #leader(): Promise<number> {
    return Number((await this.client.members()).leaderId ?? Number.NaN);
  }

  async #join(id: number): Promise<void> {
    const { servers } = this.cluster;
    const value = { nodeId: BigInt(id), address: servers.addressOf(id) };
    await this.#change("add", { case: "addLearner", value });
    const member = await this.#leader();
    const joined = await this.cluster.watch(async () => {
      servers.join(id, member);
      await servers.level(id);
    });
    this.onMeasured("join", joined);
  }

  async #remove(step: Step, id: number): Promise<void> {
    await this.#change(step, { case: "remove", value: BigInt(id) }, [id]);
  }

  /** Makes a change after which those of `leave` end by themselves. */
  async #change(step: Step, type: ChangeType, leave: readonly number[] = []): Promise<void> {
    const settles = () => Promise.all(leave.map((id) => this.#end(id)));
    const how = { beforeMs, afterMs, settles };
    this.onMeasured(step, await this.cluster.watch(() => this.#ask(type), how));
  }

  /** Waits until one that was removed has ended. */
  async #end(id: number): Promise<void> {
    const process = this.cluster.servers.process(id);
    await until(`node ${id}, which was removed, ends`, { withinMs: 60_000 }, () => process.hasEnded);
    this.exits.set(id, await process.ended);
  }

  /** A voter-to-be that is level may not have told the leader so yet. */
  async #ask(type: ChangeType): Promise<void> {
    await until(`the change is made: ${type.case}`, { withinMs: 60_000 }, async () => {
      try {
        await this.client.changeMembership({ type });
        return true;
      } catch (error) {
        if (!(error instanceof RequestError) || error.code !== "refused") throw error;
        return false;
      }
    });
  }
}
