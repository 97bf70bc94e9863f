// A copy of a defined state machine, as a replica takes it.
import { RequestError, type StateMachine } from "@paxos/core";
import type { CommandForm, Commands, Parts, Queries } from "./parts.js";
import { joinItems, splitItems } from "./snapshot-lines.js";
import { validate } from "./validation.js";
import { decodeCommand, decodeQuery, DONE, encode, INVALID, NOT_YET } from "./wire.js";

export interface CreateOptions {
  /** Called after each command, and after the state was replaced by a snapshot: who shows the state to others looks again. */
  readonly changed?: () => void;
}

/** One copy. It is given to a replica, which alone changes it. */
export interface TypedStateMachine<State> extends StateMachine {
  /** To be looked at only, and only at once: within `Replica.read`, or in `changed`. */
  readonly state: State;
  query(query: Uint8Array): Uint8Array;
}

export function createStateMachine<State>(
  parts: Parts<State, Commands<State>, Queries<State>>,
  commandVersion: number,
  { changed = () => undefined }: CreateOptions = {},
): TypedStateMachine<State> {
  const { commands, queries, snapshot, restore } = parts;
  let state = parts.initial();
  return {
    // A cluster is founded with version 0.
    ...(commandVersion > 0 && { commandVersion }),
    get state() {
      return state;
    },
    apply(update, seq, versionInUse) {
      const answer = execute(commands, state, update, { seq, versionInUse });
      changed();
      return answer;
    },
    query: (query) => answerQuery(queries, state, query),
    ...(snapshot !== undefined && {
      snapshot: () => joinItems(snapshot(state)),
    }),
    ...(restore !== undefined && {
      restore: async (pieces) => {
        state = await restore(splitItems(pieces));
        changed();
      },
    }),
  };
}

/**
 * Applies one update. All nodes must answer alike, so what a release might know and another not is decided first, by the version that is in
 * use at this seq: a newer form is refused by who knows it, too.
 */
function execute<State>(
  commands: Commands<State>,
  state: State,
  update: Uint8Array,
  { seq, versionInUse }: { readonly seq: number; readonly versionInUse: number },
): Uint8Array {
  const command = decodeCommand(update);
  if (command === undefined) return encode([INVALID]);
  const [name, since, input] = command;
  if (since > versionInUse) return encode([NOT_YET]);
  const form = formOf(commands, name, since);
  if (form === undefined) return encode([INVALID]);
  const validated = validate(form.schema, input);
  if ("problem" in validated) return encode([INVALID]);
  return encode([DONE, form.apply(state, validated.value, { seq })]);
}

function formOf<State>(
  commands: Commands<State>,
  name: string,
  since: number,
): CommandForm<State> | undefined {
  if (!Object.hasOwn(commands, name)) return undefined;
  return commands[name]?.forms.find((form) => form.since === since);
}

function answerQuery<State>(queries: Queries<State>, state: State, bytes: Uint8Array): Uint8Array {
  const asked = decodeQuery(bytes);
  if (asked === undefined) throw new RequestError("invalid", "the query is none of this state machine");
  const [name, input] = asked;
  const query = Object.hasOwn(queries, name) ? queries[name] : undefined;
  if (query === undefined) {
    const names = Object.keys(queries).join(", ");
    throw new RequestError("invalid", `there is no query of the name ${name}; there are: ${names}`);
  }
  const validated = validate(query.schema, input);
  if ("problem" in validated) throw new RequestError("invalid", `${name}: ${validated.problem}`);
  return encode([DONE, query.answer(state, validated.value)]);
}
