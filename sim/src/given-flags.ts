// The flags of a command line, as words; what they mean is for each program to say.
import yargs, { type Options } from "yargs";

import { UsageError } from "./usage-error.js";

/** A flag with a value. */
export const word = { requiresArg: true } as const;
/** A flag without one. */
export const yes = { boolean: true } as const;

/** What a program says of its flags. */
export interface FlagsUsage<Name extends string> {
  /** What people type to start it. */
  readonly program: string;
  readonly usage: string;
  readonly epilogue: string;
  readonly options: Readonly<Record<Name, Options>>;
}

/** As wide as the narrowest terminal. */
const COLUMNS = 80;

/**
 * Reads the command line: the flags, or the text of `--help`.
 *
 * @throws UsageError when there is no such flag, or a word too many.
 */
export function readFlags<Name extends string>(
  { program, usage, epilogue, options }: FlagsUsage<Name>,
  args: readonly string[],
): GivenFlags<Name> | string {
  let text = "";
  let problem: string | undefined;
  const given = new Map<Name, readonly (string | true)[]>();
  // Who is used to npm separates flags from the command, and pnpm hands the separator on.
  const words = args[0] === "--" ? args.slice(1) : [...args];
  const parser = yargs(words)
    .scriptName(program)
    .locale("en")
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .usage(usage)
    .epilogue(epilogue)
    .wrap(COLUMNS)
    .version(false)
    .help("help")
    .alias("help", "h")
    .options(options)
    .strict();
  // There is nothing asynchronous in it, so everything has been said when it returns.
  void parser.parse(words, {}, (error, argv, output) => {
    const { _: extra, ...flags } = argv as unknown as Record<string, unknown> & {
      readonly _: readonly string[];
    };
    problem = error?.message ?? (extra.length > 0 ? `Unknown argument: ${extra.join(" ")}` : undefined);
    // Which flags have no value is seen from their words.
    text = output.replace(/\s+\[boolean\]$/gm, "");
    for (const [name, value] of Object.entries(flags)) {
      const values = [value]
        .flat()
        .filter((one): one is string | true => typeof one === "string" || one === true);
      if (name in options && values.length > 0) given.set(name as Name, values);
    }
  });
  if (problem !== undefined) throw new UsageError(problem.replace(/\s+/g, " ").trim());
  return text === "" ? new GivenFlags(given) : text;
}

/** The flags given. */
export class GivenFlags<Name extends string> {
  /** As they were typed, in order. */
  readonly #given: ReadonlyMap<Name, readonly (string | true)[]>;

  constructor(given: ReadonlyMap<Name, readonly (string | true)[]>) {
    this.#given = given;
  }

  has(name: Name): boolean {
    return this.#given.has(name);
  }

  words(name: Name): readonly string[] {
    return (this.#given.get(name) ?? []).filter((one) => one !== true);
  }

  /** @throws UsageError when it is given more than once. */
  word(name: Name): string | undefined {
    const [first, second] = this.words(name);
    if (second !== undefined) throw new UsageError(`give --${name} once`);
    return first;
  }

  /** An object with the value, or without it. */
  value<K extends string, V>(
    name: Name,
    key: K,
    parse: (name: string, text: string) => V,
  ): { readonly [key in K]?: V } {
    const text = this.word(name);
    return text === undefined ? {} : ({ [key]: parse(`--${name}`, text) } as { readonly [key in K]: V });
  }

  /** The flags given that are none of these. */
  besides(names: readonly Name[]): readonly Name[] {
    return [...this.#given.keys()].filter((name) => !names.includes(name));
  }
}
