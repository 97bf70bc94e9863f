// A client of a defined state machine: a method for each command and each query.
import { RequestError } from "@paxos/core";
import type { Definition } from "./definition.js";
import type { Command, Commands, Queries, Query } from "./parts.js";
import { validate } from "./validation.js";
import { decodeAnswer, DONE, encode, NOT_YET } from "./wire.js";

/** What reaches the cluster: a `Client` of @paxos/client, or a `Replica` of @paxos/replica in this process. */
export interface Connection {
  submit(
    update: Uint8Array,
    options?: object,
  ): Promise<{ readonly seq: number; readonly result: Uint8Array }>;
  read(query: Uint8Array, options?: object): Promise<{ readonly seq: number; readonly result: Uint8Array }>;
}

/** What the state machine answered. */
export interface Answer<Result> {
  readonly result: Result;
  /** Of a command: its place in the one order. Of a query: the answer includes every command up to it, and none after. */
  readonly seq: number;
}

/** Input is left out when the schema allows that. */
type Call<Input, Result, Options> = undefined extends Input
  ? (input?: Input, options?: Options) => Promise<Answer<Result>>
  : (input: Input, options?: Options) => Promise<Answer<Result>>;

/** The method of a command. */
export type CommandCall<T, Options> =
  T extends Command<infer _State, infer Input, infer Result> ? Call<Input, Result, Options> : never;

/** The method of a query. */
export type QueryCall<T, Options> =
  T extends Query<infer _State, infer Input, infer Result> ? Call<Input, Result, Options> : never;

/** All commands and queries by their names. */
export type MachineClient<C, Q, SubmitOptions = object, ReadOptions = object> = {
  readonly [Name in keyof C]: CommandCall<C[Name], SubmitOptions>;
} & { readonly [Name in keyof Q]: QueryCall<Q[Name], ReadOptions> };

/**
 * A client of a state machine, over what reaches its cluster; that remains the caller's to close.
 *
 * Each method resolves with an {@link Answer}. It rejects with a RequestError `invalid`, before anything is sent, when the schema does not take
 * the input; `invalid` too when the cluster's state machine does not; `refused` when the command is of a version that some
 * member does not know yet. In all these cases nothing was changed. It rejects as the connection's `submit` or `read` does when that fails.
 */
export function clientOf<
  State,
  const C extends Commands<State>,
  const Q extends Queries<State>,
  Via extends Connection,
>(
  definition: Definition<State, C, Q>,
  connection: Via,
): MachineClient<C, Q, Parameters<Via["submit"]>[1], Parameters<Via["read"]>[1]> {
  const methods: Record<string, (input?: unknown, options?: object) => Promise<Answer<unknown>>> = {};
  for (const [name, command] of Object.entries(definition.commands)) {
    methods[name] = (input, options) => submit(connection, name, command, input, options);
  }
  for (const [name, query] of Object.entries(definition.queries)) {
    methods[name] = (input, options) => ask(connection, name, query, input, options);
  }
  return methods as MachineClient<C, Q, Parameters<Via["submit"]>[1], Parameters<Via["read"]>[1]>;
}

async function submit(
  connection: Connection,
  name: string,
  { forms: [form] }: Command<never, unknown, unknown>,
  input: unknown,
  options: object | undefined,
): Promise<Answer<unknown>> {
  if (form === undefined) throw new RequestError("invalid", `${name} has no form`);
  const { schema, since } = form;
  requireValid(name, schema, input);
  const { seq, result } = await connection.submit(encode([name, since, input]), options);
  const answer = requireAnswer(name, result);
  if (answer[0] === DONE) return { seq, result: answer[1] };
  if (answer[0] === NOT_YET) {
    throw new RequestError(
      "refused",
      `${name} is of version ${since} of the commands, which some member of the cluster does not know yet: start all members as a release that does`,
    );
  }
  throw new RequestError(
    "invalid",
    `the cluster's state machine does not take this ${name}: it knows it otherwise than this client, or not at all`,
  );
}

async function ask(
  connection: Connection,
  name: string,
  { schema }: Query<never, unknown, unknown>,
  input: unknown,
  options: object | undefined,
): Promise<Answer<unknown>> {
  requireValid(name, schema, input);
  const { seq, result } = await connection.read(encode([name, input]), options);
  return { seq, result: requireAnswer(name, result)[1] };
}

/** The input itself is sent, not what the schema makes of it: the state machine does that. */
function requireValid(name: string, schema: Parameters<typeof validate>[0], input: unknown): void {
  const validated = validate(schema, input);
  if ("problem" in validated) throw new RequestError("invalid", `${name}: ${validated.problem}`);
}

function requireAnswer(name: string, bytes: Uint8Array) {
  const answer = decodeAnswer(bytes);
  if (answer !== undefined) return answer;
  throw new RequestError(
    "invalid",
    `the answer to ${name} is no JSON of this kind: another state machine runs there`,
  );
}
