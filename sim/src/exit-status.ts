// How a program ends.
import { describeError } from "./describe-error.js";
import { UsageError } from "./usage-error.js";

const PASSED = 0;
const FAILED = 1;
const BAD_INPUT = 2;
/** Never taken for a violation. The number is that of sysexits.h for errors of software. */
const OWN_ERROR = 70;

/**
 * Runs a program, and ends the process by what comes of it.
 *
 * @param main given the arguments; true when nothing failed.
 */
export async function runProgram(
  program: string,
  main: (args: readonly string[]) => Promise<boolean>,
): Promise<void> {
  process.on("uncaughtException", (error) => process.exit(explain(program, error)));
  try {
    process.exitCode = (await main(process.argv.slice(2))) ? PASSED : FAILED;
  } catch (error) {
    process.exitCode = explain(program, error);
  }
}

/** Says what went wrong. The exit status. */
function explain(program: string, error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${program}: ${error.message}\n`);
    return BAD_INPUT;
  }
  process.stderr.write(
    `${program}: ended by an error that is neither a violation nor bad input: ${describeError(error)}\n`,
  );
  return OWN_ERROR;
}
