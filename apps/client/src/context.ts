// What every command works with.
import type { ClientTransport } from "@paxos/core";
import type { HostfileMember } from "@paxos/hostfile";

import type { Environment } from "./environment.js";
import type { Output } from "./output.js";

export interface Context {
  /** The servers, in the order of their ids. */
  readonly members: readonly HostfileMember[];
  readonly transport: ClientTransport;
  readonly environment: Environment;
  readonly output: Output;
}
