// What a program of some build can do, as its --help says.

/**
 * The commands listed in a program's help.
 *
 * @param {string} help
 * @param {string} program
 * @returns {Set<string>}
 */
export function commandsIn(help, program) {
  return new Set(
    [...help.matchAll(new RegExp(`^ +${program} ([a-z][a-z-]*)`, "gm"))].map(([, word = ""]) => word),
  );
}

/**
 * The long flags listed there.
 *
 * @param {string} help
 * @returns {Set<string>}
 */
export function flagsIn(help) {
  return new Set([...help.matchAll(/^ +(?:-\w, +)?(--[a-z][a-z-]*)/gm)].map(([, flag = ""]) => flag));
}
