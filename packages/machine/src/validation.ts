// Schemas of any library that speaks Standard Schema (https://standardschema.dev).
import type { StandardSchemaV1 } from "@standard-schema/spec";

/** What a schema makes of a value: its output, or what is wrong with it. */
export type Validated = { readonly value: unknown } | { readonly problem: string };

/** @throws TypeError when the schema answers later: commands are applied at once. */
export function validate(schema: StandardSchemaV1, value: unknown): Validated {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise)
    throw new TypeError("a schema of a state machine must judge at once, and this one gives a promise");
  if (result.issues === undefined) return { value: result.value };
  return { problem: result.issues.map(describe).join("; ") };
}

function describe({ message, path = [] }: StandardSchemaV1.Issue): string {
  const keys = path.map((segment) => String(typeof segment === "object" ? segment.key : segment));
  return keys.length === 0 ? message : `${keys.join(".")}: ${message}`;
}
