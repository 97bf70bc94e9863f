// What a state machine is made of: its commands, its queries, its state.
import type { StandardSchemaV1 } from "@standard-schema/spec";

/** What a command knows besides the state and its input. */
export interface Context {
  /** Its place in the one order of updates: higher than that of every command before it. */
  readonly seq: number;
}

/** One form of a command. Its code, and its schema, must judge for ever as they did when they were released. */
export interface CommandForm<State> {
  /** The version of the commands that brought it. */
  readonly since: number;
  readonly schema: StandardSchemaV1;
  apply(state: State, input: unknown, context: Context): unknown;
}

/** A command of a state machine, made by `command`. */
export interface Command<State, Input, Result> {
  readonly kind: "command";
  /** All its forms, the newest first. */
  readonly forms: readonly CommandForm<State>[];
  /** Types only: what is sent, and what comes back. */
  readonly types?: { readonly input: Input; readonly result: Result };
}

/** A query of a state machine, made by `query`. */
export interface Query<State, Input, Result> {
  readonly kind: "query";
  readonly schema: StandardSchemaV1;
  answer(state: State, input: unknown): unknown;
  /** Types only: what is sent, and what comes back. */
  readonly types?: { readonly input: Input; readonly result: Result };
}

export type Commands<State> = Readonly<Record<string, Command<State, unknown, unknown>>>;
export type Queries<State> = Readonly<Record<string, Query<State, unknown, unknown>>>;

/** What a state machine keeps and does. Inputs, results and the items of snapshots are JSON. */
export interface Parts<State, C, Q> {
  /** The state of a cluster without updates. Called for every copy: it must not be shared. */
  readonly initial: () => State;
  readonly commands: C;
  readonly queries: Q;
  /**
   * The state as it stands, as items that {@link JSON} can write, in their order. Items are taken one by one while further commands are being
   * applied, which must not show in them: give a copy, or copy what changes when it changes. Without it and `restore`, which
   * come together, the log is kept for ever.
   */
  readonly snapshot?: (state: State) => Iterable<unknown>;
  /** The state that `snapshot` gave. */
  readonly restore?: (items: AsyncIterable<unknown>) => State | Promise<State>;
}
