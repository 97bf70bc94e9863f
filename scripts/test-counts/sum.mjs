// node scripts/test-counts/sum.mjs FOLDER: adds up what the packages recorded and prints "N passed, N failed", alone on
// the last line. Status 1 when a test failed, or when a package that has tests recorded nothing.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run-tool.mjs";
import { readCounts } from "./counts.mjs";

const [folder = ""] = process.argv.slice(2);
const counts = readCounts(folder);
const total = { passed: 0, failed: 0 };
for (const [name, { passed, failed }] of counts) {
  console.log(`${name}: ${passed} passed, ${failed} failed`);
  total.passed += passed;
  total.failed += failed;
}
const silent = packagesWithTests().filter((name) => !counts.has(name));
for (const name of silent) console.log(`${name}: its tests have not run to their end`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || silent.length > 0 ? 1 : 0;

function packagesWithTests() {
  const folders = ["packages", "apps"].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(root, group, name)),
  );
  return folders.flatMap((path) => {
    const manifest = /** @type {{ name: string, scripts?: { test?: string } }} */ (
      JSON.parse(readFileSync(join(path, "package.json"), "utf8"))
    );
    return manifest.scripts?.test === undefined ? [] : [manifest.name];
  });
}
