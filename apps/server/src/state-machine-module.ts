// The state machine that --state-machine names: a module that somebody else has written, so whatever is wrong with it is told, not thrown at them.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { ConfigError, type StateMachine } from "@paxos/core";

import { discard } from "./discard.js";
import type { Environment } from "./environment.js";

/** Makes a fresh state machine: one that a replica has had is of no use to the next one. Rejects with a ConfigError. */
export type StateMachineFactory = () => Promise<StateMachine>;

const WHAT_TO_EXPORT =
  "export as default, or as stateMachine, a function that returns a state machine, or a definition of @paxos/machine";

/** Loads the module, if there is one. Rejects with a ConfigError. */
export async function loadStateMachine(
  file: string | undefined,
  environment: Pick<Environment, "loadModule">,
): Promise<StateMachineFactory> {
  if (file === undefined) return async () => discard;
  const path = resolve(file);
  let module: unknown;
  try {
    module = await environment.loadModule(path);
  } catch (error) {
    throw new ConfigError(`cannot load --state-machine ${file}: ${whyNotLoaded(error, path)}`, {
      cause: error,
    });
  }
  const make = factoryOf(module);
  if (make === undefined)
    throw new ConfigError(
      `--state-machine ${file} exports ${exportsOf(module)}, no state machine: ${WHAT_TO_EXPORT}`,
    );
  return async () => {
    let made: unknown;
    try {
      made = await make();
    } catch (error) {
      throw new ConfigError(
        `--state-machine ${file} failed to make a state machine: ${describe(error)}; mend it there`,
        { cause: error },
      );
    }
    if (isStateMachine(made)) return made;
    throw new ConfigError(
      `--state-machine ${file} made ${kindOf(made)}, no state machine: return an object with a method apply`,
    );
  };
}

function factoryOf(module: unknown): (() => unknown) | undefined {
  const { default: byDefault, stateMachine } = module as Readonly<Record<string, unknown>>;
  for (const exported of [byDefault, stateMachine]) {
    if (typeof exported === "function") return () => (exported as () => unknown)();
    if (hasMethod(exported, "create")) return () => exported.create();
  }
  return undefined;
}

function isStateMachine(made: unknown): made is StateMachine {
  return hasMethod(made, "apply");
}

function hasMethod<Name extends string>(value: unknown, name: Name): value is Record<Name, () => unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Record<string, unknown>)[name] === "function"
  );
}

function exportsOf(module: unknown): string {
  const names = Object.keys(module as object);
  return names.length === 0 ? "nothing" : names.join(", ");
}

function kindOf(value: unknown): string {
  if (typeof value !== "object") return value === undefined ? "nothing" : `a ${typeof value}`;
  return value === null ? "null" : "an object without apply";
}

function whyNotLoaded(error: unknown, path: string): string {
  const { code, url } = error as { readonly code?: unknown; readonly url?: unknown };
  // A module that it imports may be missing too, which its own message names.
  if (code === "ERR_MODULE_NOT_FOUND" && typeof url === "string" && fileURLToPath(url) === path)
    return "there is no such file; name a JavaScript module, .js or .mjs";
  if (code === "ERR_UNSUPPORTED_DIR_IMPORT") return "it is a directory; name the module in it";
  if (code === "ERR_UNKNOWN_FILE_EXTENSION")
    return "it is no JavaScript; name a module, .js or .mjs, built from it if need be";
  const check = error instanceof SyntaxError ? `; node --check ${path} may show where` : "; mend it there";
  return `${describe(error)}${check}`;
}

/** In one line, with the place in the code that has thrown it: not with a trace of how this program got there. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [, place] = /file:\/\/([^\s)]+:\d+:\d+)\)?$/m.exec(error.stack ?? "") ?? [];
  const what = `${error.name}: ${error.message}`.replace(/\s+/g, " ");
  return place === undefined ? what : `${what} (${place})`;
}
