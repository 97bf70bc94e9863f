// pnpm clean: removes everything that is built, and what tools remember about it. Installed packages stay.
import { readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./run-tool.mjs";

const built = /^(dist|coverage|[.]turbo|.*[.]tsbuildinfo|.*[.]tgz)$/;

/** @param {string} folder */
function clean(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (built.test(entry.name)) {
      rmSync(path, { recursive: true, force: true });
      console.log(`removed ${relative(root, path)}`);
    } else if (entry.isDirectory() && !["node_modules", ".git", "src"].includes(entry.name)) clean(path);
  }
}

clean(root);
rmSync(join(root, "node_modules", ".cache"), { recursive: true, force: true });
