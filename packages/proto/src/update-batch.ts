// Batches of updates and of their answers: nearly all that clients and servers say to each other, read and written without reflection.
import { create, toBinary } from "@bufbuild/protobuf";
import { clientUpdateLength, readClientUpdate, writeClientUpdate } from "./client-update.js";
import {
  RequestFailureSchema,
  UpdateAnswersSchema,
  UpdateBatchSchema,
  type UpdateAnswer,
  type UpdateAnswers,
  type UpdateBatch,
} from "./gen/paxos/v1/client_service_pb.js";
import type { ClientUpdate } from "./gen/paxos/v1/paxos_pb.js";
import {
  beginPiece,
  fieldLength,
  lastVarint,
  lastVarint31,
  pieceLength,
  readVarint,
  writeBytesField,
  writeField,
  writePiece,
} from "./varint.js";

/** The tag of the repeated field that both begin with. */
const elementTag = 0x0a;
const leaderIdTag = 0x10;
const tags = { clientId: 0x08, timestamp: 0x10, seq: 0x18, result: 0x22, duplicate: 0x28, failure: 0x32 };

const nothing: Uint8Array = new Uint8Array();

/** A message that is about to be written. */
export interface Encoding {
  readonly length: number;
  /** Writes it, and returns where it ends. */
  write(bytes: Uint8Array, at: number): number;
}

/** The bytes are those of `toBinary(UpdateBatchSchema, batch)`. */
export function encodingOfUpdateBatch(batch: UpdateBatch): Encoding {
  const { updates, abandoned, queries, abandonedQueries } = batch;
  // Only a later release knows any.
  if (updates.some(({ kind }) => kind < 0)) return encodingOf(toBinary(UpdateBatchSchema, batch));
  const isAll = abandoned.length + queries.length + abandonedQueries.length === 0;
  // Fields are written in the order of their numbers.
  const rest = isAll
    ? nothing
    : toBinary(UpdateBatchSchema, create(UpdateBatchSchema, { abandoned, queries, abandonedQueries }));
  const lengths = updates.map(clientUpdateLength);
  return {
    length: elementsLength(lengths) + rest.length,
    write: (bytes, at) => {
      for (let i = 0; i < updates.length; i++) {
        at = beginPiece(bytes, at, elementTag, lengths[i] as number);
        at = writeClientUpdate(bytes, at, updates[i] as ClientUpdate);
      }
      bytes.set(rest, at);
      return at + rest.length;
    },
  };
}

/** The bytes are those of `toBinary(UpdateAnswersSchema, answers)`. */
export function encodingOfUpdateAnswers({ answers, leaderId, queryAnswers }: UpdateAnswers): Encoding {
  const failures = answers.map(({ failure }) =>
    failure === undefined ? nothing : toBinary(RequestFailureSchema, failure),
  );
  const init = leaderId === undefined ? { queryAnswers } : { leaderId, queryAnswers };
  const rest = toBinary(UpdateAnswersSchema, create(UpdateAnswersSchema, init));
  const lengths = answers.map((answer, i) => answerLength(answer, failures[i] as Uint8Array));
  return {
    length: elementsLength(lengths) + rest.length,
    write: (bytes, at) => {
      for (let i = 0; i < answers.length; i++) {
        at = beginPiece(bytes, at, elementTag, lengths[i] as number);
        at = writeAnswer(bytes, at, answers[i] as UpdateAnswer, failures[i] as Uint8Array);
      }
      bytes.set(rest, at);
      return at + rest.length;
    },
  };
}

/**
 * Reads a batch of nothing but updates, at most so many. Undefined when there is anything else: then it is read, or refused, otherwise.
 * The updates are views of `bytes`.
 */
export function readUpdateBatch(
  bytes: Uint8Array,
  at: number,
  end: number,
  most: number,
): UpdateBatch | undefined {
  const updates: ClientUpdate[] = [];
  while (at < end) {
    const from = elementFrom(bytes, at, end);
    if (from < 0 || updates.length === most) return undefined;
    at = from + lastVarint31();
    const update = readClientUpdate(bytes, from, at);
    if (update === undefined) return undefined;
    updates.push(update);
  }
  const $typeName = "paxos.v1.UpdateBatch";
  return { $typeName, updates, abandoned: [], queries: [], abandonedQueries: [] };
}

/** Reads answers to nothing but updates that were ordered, at most so many; undefined when there is anything else. */
export function readUpdateAnswers(
  bytes: Uint8Array,
  at: number,
  end: number,
  most: number,
): UpdateAnswers | undefined {
  const message = create(UpdateAnswersSchema);
  while (at < end) {
    if (bytes[at] === leaderIdTag) {
      at = readVarint(bytes, at + 1, end);
      if (at < 0) return undefined;
      message.leaderId = lastVarint();
      continue;
    }
    const from = elementFrom(bytes, at, end);
    if (from < 0 || message.answers.length === most) return undefined;
    at = from + lastVarint31();
    const answer = readAnswer(bytes, from, at);
    if (answer === undefined) return undefined;
    message.answers.push(answer);
  }
  return message;
}

/** Where the content of an element begins, whose size is the number read last; -1 when there is none that ends before `end`. */
function elementFrom(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== elementTag) return -1;
  const from = readVarint(bytes, at + 1, end);
  if (from < 0) return -1;
  const size = lastVarint31();
  return size < 0 || size > end - from ? -1 : from;
}

function elementsLength(lengths: readonly number[]): number {
  let sum = 0;
  for (const length of lengths) sum += pieceLength(length);
  return sum;
}

function encodingOf(encoded: Uint8Array): Encoding {
  return {
    length: encoded.length,
    write: (bytes, at) => {
      bytes.set(encoded, at);
      return at + encoded.length;
    },
  };
}

function answerLength(
  { clientId, timestamp, seq, result, duplicate }: UpdateAnswer,
  failure: Uint8Array,
): number {
  return (
    fieldLength(clientId) +
    fieldLength(timestamp) +
    fieldLength(seq) +
    (result.length === 0 ? 0 : pieceLength(result.length)) +
    (duplicate ? 2 : 0) +
    (failure === nothing ? 0 : pieceLength(failure.length))
  );
}

function writeAnswer(bytes: Uint8Array, at: number, answer: UpdateAnswer, failure: Uint8Array): number {
  at = writeField(bytes, at, tags.clientId, answer.clientId);
  at = writeField(bytes, at, tags.timestamp, answer.timestamp);
  at = writeField(bytes, at, tags.seq, answer.seq);
  at = writeBytesField(bytes, at, tags.result, answer.result);
  if (answer.duplicate) {
    bytes[at++] = tags.duplicate;
    bytes[at++] = 1;
  }
  if (failure === nothing) return at;
  // One that says nothing is written all the same: that there is one says something.
  return writePiece(bytes, at, tags.failure, failure);
}

function readAnswer(bytes: Uint8Array, at: number, end: number): UpdateAnswer | undefined {
  let clientId = 0n;
  let timestamp = 0n;
  let seq = 0n;
  let result = nothing;
  let duplicate = false;
  while (at < end) {
    const tag = bytes[at] as number;
    at = readVarint(bytes, at + 1, end);
    if (at < 0) return undefined;
    switch (tag) {
      case tags.clientId:
        clientId = lastVarint();
        break;
      case tags.timestamp:
        timestamp = lastVarint();
        break;
      case tags.seq:
        seq = lastVarint();
        break;
      case tags.result: {
        const size = lastVarint31();
        if (size < 0 || size > end - at) return undefined;
        result = new Uint8Array(bytes.buffer, bytes.byteOffset + at, size);
        at += size;
        break;
      }
      case tags.duplicate:
        duplicate = lastVarint() !== 0n;
        break;
      default:
        return undefined;
    }
  }
  return { $typeName: "paxos.v1.UpdateAnswer", clientId, timestamp, seq, result, duplicate };
}
