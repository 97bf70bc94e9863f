import type { EpochRecord } from "@paxos/proto";
import { ConfigError } from "./errors.js";
import { silentLogger, type Logger } from "./logger.js";
import { Membership } from "./membership.js";

/** What a node needs to know before it starts. */
export interface Config {
  /** This node's id: one of the epoch record's members. */
  readonly nodeId: number;
  /**
   * The membership to begin with, where storage knows none yet: that of epoch 0 on the nodes that found the cluster, the one of
   * the day on a node that joins later.
   */
  readonly epochRecord: EpochRecord;
  /** What tells this cluster from all others, kept with the rest on disk. At most 64 bytes. Default: empty. */
  readonly clusterId?: Uint8Array;
  /**
   * Seed of the timers' jitter, any 32-bit integer. Give each node another, or they attempt views in step.
   */
  readonly seed: number;
  /**
   * Tells this process from all others that have had, or will have, this storage: 64 random bits. Peers recognise an older
   * copy of the storage by it. Default 0: they do not.
   */
  readonly incarnation?: bigint;
  /**
   * The newest version of the state machine's commands that this node knows, 0 to 2^32 - 1. The cluster uses it once all members
   * know it: see {@link EpochRecord.commandVersion}. Default 0: commands have no versions.
   */
  readonly commandVersion?: number;
  /** Ticks between heartbeats, 1 or more. Default 10. */
  readonly heartbeatTicks?: number;
  /**
   * Ticks without progress after which a node attempts another view; a seeded jitter of up to half of it is
   * added. At least 4 heartbeats. Default 60.
   */
  readonly progressTicks?: number;
  /**
   * Leases, with which the leader serves reads without asking anybody: for how many ticks a voter, once it has confirmed a leader's view,
   * makes no promise to another. 3 to half of `progressTicks`, the same on all members; 0 (default): no leases.
   *
   * What must hold: in any stretch of time, no voter's `tick` is called more often than `tickMs` says, by more than a tenth and one tick
   * (ticks may be late, or left out); the leader's clock, which `ready` is given, is not slower than that by more than a tenth, and does not
   * stand still while the machine sleeps. Where it does not hold, a read may be stale.
   */
  readonly leaseTicks?: number;
  /** How long a tick is meant to last, in milliseconds, 1 to 60,000; of meaning to leases alone. Default 10. */
  readonly tickMs?: number;
  /** How many updates the leader keeps in flight at most, 1 to 65,536. Default 4,096. */
  readonly windowUpdates?: number;
  /**
   * How many bytes of updates the leader keeps in flight at most, `updateBytes` to 8 MiB, so that a PrepareOK
   * of three windows fits a frame. Default 8 MiB.
   */
  readonly windowBytes?: number;
  /** How many updates go into one Proposal at most, 1 to 4,096. Default 512. */
  readonly runUpdates?: number;
  /** How many bytes of updates go into one Proposal at most; one update always fits. Default 256 KiB. */
  readonly runBytes?: number;
  /** The greatest update in bytes, 1 to 8 MiB. Default 1 MiB. */
  readonly updateBytes?: number;
  /** The most bytes of updates in one catch-up answer; one update always fits. Default 1 MiB. */
  readonly catchUpBytes?: number;
  /** Default: says nothing. */
  readonly logger?: Logger;
}

/** A {@link Config} with nothing left out. */
export type Settings = Required<Omit<Config, "epochRecord">>;

const MiB = 1024 * 1024;

/** The most updates in one run; a limit of the storage format. */
export const maxRunUpdates = 4096;

/**
 * The membership to begin with.
 * @throws ConfigError when the node is no member of it.
 */
export function initialMembership({ nodeId, epochRecord }: Config): Membership {
  const membership = new Membership(epochRecord);
  if (membership.isMember(nodeId)) return membership;
  throw new ConfigError(`nodeId is ${String(nodeId)}; allowed is one of ${membership.members.join(", ")}`);
}

/** @throws ConfigError naming the first value that is not allowed, and what is. */
export function validateConfig(config: Config): Settings {
  const integer = (name: keyof Config, fallback: number, low: number, high: number): number => {
    const given = config[name] as number | undefined;
    const value = given ?? fallback;
    if (!Number.isSafeInteger(value) || value < low || value > high) {
      throw new ConfigError(`${name} is ${String(given)}; allowed is an integer from ${low} to ${high}`);
    }
    return value;
  };
  const { leaseTicks = 0 } = config;
  const heartbeatTicks = integer("heartbeatTicks", 10, 1, 1_000_000);
  const updateBytes = integer("updateBytes", MiB, 1, 8 * MiB);
  const progressTicks = integer("progressTicks", 60, 4 * heartbeatTicks, 100_000_000);
  return {
    nodeId: integer("nodeId", Number.NaN, 0, Number.MAX_SAFE_INTEGER),
    clusterId: config.clusterId ?? new Uint8Array(),
    incarnation: BigInt.asUintN(64, config.incarnation ?? 0n),
    commandVersion: integer("commandVersion", 0, 0, 0xffffffff),
    seed: integer("seed", Number.NaN, -0x80000000, 0xffffffff),
    heartbeatTicks,
    progressTicks,
    leaseTicks: leaseTicks === 0 ? 0 : integer("leaseTicks", 0, 3, progressTicks >> 1),
    tickMs: integer("tickMs", 10, 1, 60_000),
    windowUpdates: integer("windowUpdates", 4096, 1, 65_536),
    windowBytes: integer("windowBytes", 8 * MiB, updateBytes, 8 * MiB),
    runUpdates: integer("runUpdates", 512, 1, maxRunUpdates),
    runBytes: integer("runBytes", 256 * 1024, 1, 64 * MiB),
    updateBytes,
    catchUpBytes: integer("catchUpBytes", MiB, 1, 8 * MiB),
    logger: config.logger ?? silentLogger,
  };
}
