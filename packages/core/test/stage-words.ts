// The words of commands: numbers, links, selections of messages.
import { messageKinds, type Selection } from "./stage.js";

/** The words after a command's name. */
export type Words = readonly string[];

/** A word that does not fit. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function need(words: Words): Words {
  if (words.length === 0) throw new UsageError("something is missing");
  return words;
}

export function integer(word: string): number {
  if (!/^\d+$/.test(word)) throw new UsageError(`"${word}" is no number`);
  return Number(word);
}

function link(word: string): { from: number; to: number } | undefined {
  const [, from, to] = /^(\d+)>(\d+)$/.exec(word) ?? [];
  return from === undefined || to === undefined ? undefined : { from: Number(from), to: Number(to) };
}

/** A>B is one way; A B C is all ways between these. */
export function links(words: Words): { from: number; to: number }[] {
  const oneWay = need(words)
    .map(link)
    .filter((on) => on !== undefined);
  if (oneWay.length === words.length) return oneWay;
  const ids = words.map(integer);
  if (ids.length < 2) throw new UsageError(`"${words.join(" ")}" is no link`);
  return ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => ({ from, to })));
}

export function select(words: Words): Selection {
  let selection: Selection = {};
  for (const word of words) {
    const on = link(word);
    const kind = messageKinds.find((name) => name === word);
    if (on === undefined && kind === undefined)
      throw new UsageError(`"${word}" is neither a kind of message nor a link`);
    selection = {
      ...selection,
      ...(on === undefined ? {} : { link: on }),
      ...(kind === undefined ? {} : { kind }),
    };
  }
  return selection;
}
