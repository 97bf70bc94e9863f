// Which processes have saved to a storage. Numbers of saves alone do not tell an older copy of a storage, for it counts on from
// where it is; but it never gets to hold a save of a process that it has not seen make it.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { SaveHistorySchema, type SaveHistory, type SaveMark } from "@paxos/proto";
import { toWire } from "./wire.js";

/** A save: its number, and the process that made it. */
export interface LastSave {
  readonly incarnation: bigint;
  readonly number: number;
}

/** The most bytes of a history, as peers are shown it. */
export const maxSaveHistoryBytes = 1024;

/** So many processes are remembered. */
const mostProcesses = 32;

/** The saves of a storage so far, one for each process, the last process last. */
export class Saves {
  readonly #before: readonly LastSave[];

  constructor(
    stored: SaveHistory | undefined,
    /** This process. */
    private readonly incarnation: bigint,
    /** The number of the last save before this process began. */
    private readonly startedWith: number,
  ) {
    this.#before = readHistory(stored).filter((mark) => mark.incarnation !== incarnation);
  }

  /** The save of this number, as far as it is one of this process or the last one before it. */
  save(number: number): LastSave {
    const incarnation =
      number > this.startedWith ? this.incarnation : (this.#before.at(-1)?.incarnation ?? this.incarnation);
    return { incarnation, number };
  }

  /** The history up to the save of this number. */
  upTo(number: number): SaveHistory {
    const own = number > this.startedWith ? [this.save(number)] : [];
    const marks = [...this.#before, ...own].slice(-mostProcesses);
    return { $typeName: "paxos.v1.SaveHistory", marks: marks.map(markOf) };
  }
}

/** A save, as it is written. */
export function markOf({ incarnation, number }: LastSave): SaveMark {
  return { $typeName: "paxos.v1.SaveMark", incarnation, saveNumber: toWire(number) };
}

function readHistory(history: SaveHistory | undefined): LastSave[] {
  return (history?.marks ?? []).map(({ incarnation, saveNumber }) => ({
    incarnation,
    number: Number(saveNumber),
  }));
}

/** The history as the bytes that peers are shown. */
export function encodeHistory(history: SaveHistory): Uint8Array {
  return toBinary(SaveHistorySchema, history);
}

/** The later of two saves of one node, as far as that can be told. */
export function laterSave(known: LastSave | undefined, heard: LastSave): LastSave | undefined {
  return heard.number > (known?.number ?? 0) ? heard : known;
}

/** Whether a storage with this history, in bytes of a peer, has seen a save. */
export function hasSeen(history: Uint8Array, save: LastSave): boolean {
  let marks: LastSave[];
  try {
    marks = readHistory(fromBinary(SaveHistorySchema, history));
  } catch {
    return false;
  }
  const mark = marks.find(({ incarnation }) => incarnation === save.incarnation);
  if (mark !== undefined) return mark.number >= save.number;
  // Perhaps so long ago that it is remembered no more.
  return marks.length >= mostProcesses && (marks.at(-1)?.number ?? 0) >= save.number;
}

/** The number of the last save that a history, in bytes of a peer, tells of. */
export function lastNumber(history: Uint8Array): number {
  try {
    return readHistory(fromBinary(SaveHistorySchema, history)).at(-1)?.number ?? 0;
  } catch {
    return 0;
  }
}
