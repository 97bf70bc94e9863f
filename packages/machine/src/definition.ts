// What a state machine is made of, as its author writes it down.
import { ConfigError } from "@paxos/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Command, Commands, Context, Parts, Queries, Query } from "./parts.js";
import { createStateMachine, type CreateOptions, type TypedStateMachine } from "./typed-state-machine.js";

/** A state machine as it is defined: makes copies of it for replicas, and is what its clients know of it. */
export interface Definition<State, C = Commands<State>, Q = Queries<State>> extends Parts<State, C, Q> {
  /** The newest version of the commands that is in it. */
  readonly commandVersion: number;
  /** A copy for one replica, in its initial state. */
  create(options?: CreateOptions): TypedStateMachine<State>;
}

/** Makes commands, queries and definitions around one type of state. */
export interface MachineBuilder<State> {
  /**
   * A command: its input's schema, and what it does. `apply` changes the state and returns the answer, which {@link JSON} must be able to
   * write; what is asked in vain is an answer too. It must be deterministic: no clock, no randomness, no I/O. When it throws, every
   * replica stops.
   *
   * @param options `since`: the version of the commands that brings it, a whole number, default 0: the first release. One
   *   above 0 is refused until every member of the cluster knows it. `replaces`: the form that it had before, with a lower `since`;
   *   it stays, because the log and other releases may hold it.
   */
  readonly command: <S extends StandardSchemaV1, Result>(
    schema: S,
    apply: (state: State, input: StandardSchemaV1.InferOutput<S>, context: Context) => Result,
    options?: { readonly since?: number; readonly replaces?: Command<State, unknown, unknown> },
  ) => Command<State, StandardSchemaV1.InferInput<S>, Result>;
  /** A query: its input's schema, and what it answers, which {@link JSON} must be able to write. It must not change the state. */
  readonly query: <S extends StandardSchemaV1, Result>(
    schema: S,
    answer: (state: State, input: StandardSchemaV1.InferOutput<S>) => Result,
  ) => Query<State, StandardSchemaV1.InferInput<S>, Result>;
  /**
   * Puts a state machine together.
   * @throws ConfigError when a name stands for a command and a query, when the versions of a command's forms do not fall, or when there is
   *   only one of `snapshot` and `restore`.
   */
  readonly define: <const C extends Commands<State>, const Q extends Queries<State>>(
    parts: Parts<State, C, Q>,
  ) => Definition<State, C, Q>;
}

/** The builder for state machines with this type of state. */
export function machineOf<State>(): MachineBuilder<State> {
  return {
    command: (schema, apply, { since = 0, replaces } = {}) => ({
      kind: "command",
      // Only what the schema gave out reaches it.
      forms: [{ since, schema, apply: apply }, ...(replaces?.forms ?? [])],
    }),
    query: (schema, answer) => ({
      kind: "query",
      schema,
      answer: answer,
    }),
    define: (parts) => {
      requireSound(parts);
      const versions = Object.values(parts.commands).map(({ forms }) => forms[0]?.since ?? 0);
      const commandVersion = Math.max(0, ...versions);
      return {
        ...parts,
        commandVersion,
        create: (options) => createStateMachine(parts, commandVersion, options),
      };
    },
  };
}

function requireSound<State>(parts: Parts<State, Commands<State>, Queries<State>>): void {
  const { commands, queries, snapshot, restore } = parts;
  for (const name of Object.keys(queries))
    if (Object.hasOwn(commands, name))
      throw new ConfigError(`${name} is both a command and a query; rename one of them`);
  for (const [name, { forms }] of Object.entries(commands)) {
    for (const [i, { since }] of forms.entries()) {
      if (!Number.isInteger(since) || since < 0 || since > 0xffffffff)
        throw new ConfigError(`${name} is since ${since}; allowed is an integer from 0 to 4294967295`);
      const newer = forms[i - 1];
      if (newer !== undefined && newer.since <= since) {
        throw new ConfigError(
          `${name} since ${newer.since} replaces a form since ${since}; each form needs a higher version than the one before`,
        );
      }
    }
  }
  if ((snapshot === undefined) !== (restore === undefined))
    throw new ConfigError("there is only one of snapshot and restore; define both, or neither");
}
