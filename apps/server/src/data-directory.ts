// Where a member keeps its data.
import { access } from "node:fs/promises";
import { join, posix, resolve, win32 } from "node:path";

import type { Membership } from "./membership.js";

/** What decides where a user's data belongs. */
export interface UserEnvironment {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
}

/** The directory that --data-dir names, or else the default one, as a full path. */
export function dataDirectory(
  { dataDir }: { readonly dataDir?: string },
  { self, hostfileId }: Membership,
  user: UserEnvironment,
): string {
  return resolve(dataDir ?? defaultDataDirectory(user, hostfileId, self.nodeId));
}

/** One directory for each member of each hostfile, so that several can share a host. */
export function defaultDataDirectory(user: UserEnvironment, hostfileId: Uint8Array, nodeId: number): string {
  const cluster = Buffer.from(hostfileId).toString("hex").slice(0, 12);
  const path = user.platform === "win32" ? win32 : posix;
  return path.join(userDataDirectory(user), "paxos", cluster, `node-${nodeId}`);
}

/** Whether a directory holds a store: LevelDB's file that names its current state. */
export async function holdsStore(directory: string): Promise<boolean> {
  return access(join(directory, "CURRENT")).then(
    () => true,
    () => false,
  );
}

function userDataDirectory({ platform, env, homeDirectory }: UserEnvironment): string {
  const { XDG_DATA_HOME: xdg = "", LOCALAPPDATA: local = "" } = env;
  switch (platform) {
    case "win32":
      return local === "" ? win32.join(homeDirectory, "AppData", "Local") : local;
    case "darwin":
      return posix.join(homeDirectory, "Library", "Application Support");
    default:
      // The XDG Base Directory Specification has relative paths ignored.
      return posix.isAbsolute(xdg) ? xdg : posix.join(homeDirectory, ".local", "share");
  }
}
