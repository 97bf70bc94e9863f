// Commands of the system, run one after the other.
import { execFileSync } from "node:child_process";

/**
 * Runs a program to its end, and returns what it printed. Throws, with what it said, when it fails.
 *
 * @param {string} program
 * @param {...string} args
 * @returns {string}
 */
export function run(program, ...args) {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/**
 * Runs a program to its end; false when it fails, or is not there.
 *
 * @param {string} program
 * @param {...string} args
 */
export function succeeds(program, ...args) {
  try {
    run(program, ...args);
    return true;
  } catch {
    return false;
  }
}
