// What every command works with.
import type { Client } from "@paxos/client";

import type { Environment } from "./environment.js";
import type { Output } from "./output.js";
import type { ServerNames } from "./server-names.js";
import type { ServerNews } from "./server-news.js";

export interface Context {
  readonly servers: ServerNames;
  readonly environment: Environment;
  readonly output: Output;
  readonly news: ServerNews;
  /** Makes a client of the cluster. It is closed when the command is over. */
  connect(options?: { readonly timeoutMs?: number }): Client;
}
