// Lets a child process run the TypeScript sources unbuilt:
//   node --conditions=@paxos/source --import <this file> <file>.ts
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import ts from "typescript";

// Node loads this file a second time, on the thread where hooks run.
if (isMainThread) register(import.meta.url);

/** @type {import("node:module").ResolveHook} */
export async function resolve(specifier, context, nextResolve) {
  const fromSource = context.parentURL?.endsWith(".ts") && /^\.{1,2}\/.*\.js$/.test(specifier);
  return await nextResolve(fromSource ? specifier.replace(/\.js$/, ".ts") : specifier, context);
}

/** @type {import("node:module").LoadHook} */
export async function load(url, context, nextLoad) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return await nextLoad(url, context);
  const source = await readFile(fileURLToPath(url), "utf8");
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(source, { compilerOptions });
  return { format: "module", shortCircuit: true, source: outputText };
}
