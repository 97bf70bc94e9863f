// Copies of the core and the replica, as JavaScript, with planted bugs in them.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";
import type { Edit, PlantedBug } from "./planted-bug.js";

/** A copy on disk, until it is removed. */
export interface Copy {
  /** The module to be simulated, as of --with. */
  readonly path: string;
  remove(): void;
}

const sim = fileURLToPath(new URL("../..", import.meta.url));
const packages = join(sim, "..", "packages");
// Below sim, so that what the copies import of other packages is found, and is the very same module as the
// simulator's.
const copies = join(sim, "node_modules", ".cache", "planted");

/** Copies and simulator share this one, so that an error of a copy is of the class that the simulator knows. */
const shared = "core/src/errors.ts";

const copied = ["core", "replica"];
const sources = new Map<string, string>();
const outputs = new Map<string, string>();

/**
 * Makes a copy with these edits. Without any, it is a copy of the code as it is.
 * @throws Error when an edit does not fit the file.
 */
export function makeCopy(bug: Pick<PlantedBug, "name" | "edits">): Copy {
  const changed = edited(bug);
  mkdirSync(copies, { recursive: true });
  const folder = mkdtempSync(join(copies, `${bug.name}-`));
  const path = join(folder, "subject.js");
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
    for (const name of copied) mkdirSync(join(folder, name));
    for (const file of sourceFiles()) {
      const source = changed.get(file);
      const output = source === undefined ? unchanged(file) : transpile(file, source);
      writeFileSync(join(folder, file.replace("/src/", "/").replace(/\.ts$/, ".js")), output);
    }
    writeFileSync(path, 'export { startReplica } from "./replica/index.js";\n');
  } catch (error) {
    remove();
    throw error;
  }
  return { path, remove };
}

/**
 * The sources that a bug changes, by file, after all its edits.
 * @throws Error when an edit does not fit the file.
 */
export function edited({ name, edits }: Pick<PlantedBug, "name" | "edits">): Map<string, string> {
  const changed = new Map<string, string>();
  for (const edit of edits) {
    const { file, find, replace } = edit;
    if (!sourceFiles().includes(file) || file === shared) {
      throw new Error(`planted bug ${name}: packages/${file} is no file that can be edited`);
    }
    const parts = (changed.get(file) ?? source(file)).split(find);
    if (parts.length !== 2) throw misfit(name, edit, `occurs ${parts.length - 1} times, not once, in it`);
    changed.set(file, parts.join(replace));
  }
  return changed;
}

function misfit(name: string, { file, find }: Edit, what: string): Error {
  return new Error(
    `planted bug ${name}, packages/${file}: ${JSON.stringify(find)} ${what}; ` +
      `fit the edit in sim/src/planted to the code as it is now, so that it plants the same bug`,
  );
}

/** All source files, tests left out. */
function sourceFiles(): readonly string[] {
  if (sources.size === 0) {
    for (const name of copied) {
      const folder = join(packages, name, "src");
      for (const file of readdirSync(folder)) {
        if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
        sources.set(`${name}/src/${file}`, readFileSync(join(folder, file), "utf8"));
      }
    }
  }
  return [...sources.keys()];
}

function source(file: string): string {
  return sources.get(file) as string;
}

function unchanged(file: string): string {
  let output = outputs.get(file);
  if (output === undefined) outputs.set(file, (output = transpile(file, source(file))));
  return output;
}

function transpile(file: string, text: string): string {
  if (file === shared) {
    const built = pathToFileURL(join(packages, "core", "dist", "errors.js"));
    return `export * from ${JSON.stringify(built.href)};\n`;
  }
  const { outputText, diagnostics = [] } = ts.transpileModule(text, {
    fileName: file,
    reportDiagnostics: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  const [wrong] = diagnostics;
  if (wrong !== undefined)
    throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(wrong.messageText, " ")}`);
  return outputText.replaceAll('"@paxos/core"', '"../core/index.js"');
}
