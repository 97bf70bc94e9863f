import type { EpochRecord } from "@paxos/proto";
import { ConfigError } from "./errors.js";
import { silentLogger, type Logger } from "./logger.js";
import { Membership } from "./membership.js";

/** What a node needs to know before it starts. */
export interface Config {
  /** This node's id: one of the epoch record's members. */
  readonly nodeId: number;
  /** The membership of epoch 0; a restarted node must be given the one it was first started with. */
  readonly epochRecord: EpochRecord;
  /**
   * Seed of the timers' jitter, any 32-bit integer. Give each node another, or they attempt views in step.
   */
  readonly seed: number;
  /**
   * Tells this process from all others that have had, or will have, this storage: 64 random bits. Peers recognise an older
   * copy of the storage by it. Default 0: they do not.
   */
  readonly incarnation?: bigint;
  /** Ticks between heartbeats, 1 or more. Default 10. */
  readonly heartbeatTicks?: number;
  /**
   * Ticks without progress after which a node attempts another view; a seeded jitter of up to half of it is
   * added. At least 4 heartbeats. Default 60.
   */
  readonly progressTicks?: number;
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
export interface Settings extends Required<Omit<Config, "epochRecord">> {
  readonly membership: Membership;
}

const MiB = 1024 * 1024;

/** The most updates in one run; a limit of the storage format. */
export const maxRunUpdates = 4096;

/** @throws ConfigError naming the first value that is not allowed, and what is. */
export function validateConfig(config: Config): Settings {
  const membership = new Membership(config.epochRecord);
  const integer = (name: keyof Config, fallback: number, low: number, high: number): number => {
    const given = config[name] as number | undefined;
    const value = given ?? fallback;
    if (!Number.isSafeInteger(value) || value < low || value > high) {
      throw new ConfigError(`${name} is ${String(given)}; allowed is an integer from ${low} to ${high}`);
    }
    return value;
  };
  const nodeId = config.nodeId;
  if (!membership.members.includes(nodeId)) {
    throw new ConfigError(`nodeId is ${String(nodeId)}; allowed is one of ${membership.members.join(", ")}`);
  }
  const heartbeatTicks = integer("heartbeatTicks", 10, 1, 1_000_000);
  const updateBytes = integer("updateBytes", MiB, 1, 8 * MiB);
  return {
    nodeId,
    membership,
    incarnation: BigInt.asUintN(64, config.incarnation ?? 0n),
    seed: integer("seed", Number.NaN, -0x80000000, 0xffffffff),
    heartbeatTicks,
    progressTicks: integer("progressTicks", 60, 4 * heartbeatTicks, 100_000_000),
    windowUpdates: integer("windowUpdates", 4096, 1, 65_536),
    windowBytes: integer("windowBytes", 8 * MiB, updateBytes, 8 * MiB),
    runUpdates: integer("runUpdates", 512, 1, maxRunUpdates),
    runBytes: integer("runBytes", 256 * 1024, 1, 64 * MiB),
    updateBytes,
    catchUpBytes: integer("catchUpBytes", MiB, 1, 8 * MiB),
    logger: config.logger ?? silentLogger,
  };
}
