// Where a member keeps its log unless --data-dir says otherwise.
import { posix, win32 } from "node:path";

/** What decides where a user's data belongs. */
export interface UserEnvironment {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
}

/** One directory for each member of each cluster, so that several can share a host. */
export function defaultDataDirectory(user: UserEnvironment, clusterId: Uint8Array, nodeId: number): string {
  const cluster = Buffer.from(clusterId).toString("hex").slice(0, 12);
  const path = user.platform === "win32" ? win32 : posix;
  return path.join(userDataDirectory(user), "paxos", cluster, `node-${nodeId}`);
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
