// What the transport is measured against: sockets that move, encode and decode the same, all of a turn of the event loop in
// one write, and do nothing else. No handshake, no limits, no lanes, no answer to anybody who misbehaves.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  decodeMessage,
  encodeMessage,
  UpdateAnswerSchema,
  UpdateAnswersSchema,
  UpdateBatchSchema,
  type ClientUpdate,
  type Message,
  type UpdateAnswer,
} from "@paxos/proto";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Pieces, each preceded by its size, in one buffer. */
function together(pieces: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const { length } of pieces) size += 5 + length;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    let rest = piece.length;
    for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes.subarray(0, at);
}

/** Cuts what arrives into pieces. */
function apart(socket: Socket, onPiece: (piece: Uint8Array) => void): void {
  let rest: Uint8Array = new Uint8Array();
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const reader = new BinaryReader(bytes);
    let taken = 0;
    while (reader.pos < bytes.length) {
      let piece: Uint8Array;
      try {
        piece = reader.bytes();
      } catch {
        break;
      }
      taken = reader.pos;
      onPiece(piece);
    }
    rest = bytes.subarray(taken);
  });
}

/** Has what is put into it sent at the end of the turn, as soon as what was sent before has left. */
class Turn<T> {
  #items: T[] = [];

  constructor(
    private readonly socket: Socket,
    private readonly encode: (items: readonly T[]) => Uint8Array,
  ) {
    socket.on("drain", () => this.#flush());
  }

  put(item: T): void {
    if (this.#items.length === 0) setImmediate(() => this.#flush());
    this.#items.push(item);
  }

  #flush(): void {
    if (this.#items.length === 0 || this.socket.writableNeedDrain) return;
    const items = this.#items;
    this.#items = [];
    this.socket.write(this.encode(items));
  }
}

const dial = (port: number): Socket => connect({ port, host: "127.0.0.1", noDelay: true });

/** Sends messages, and is told the answers. */
export function messageSender(
  port: number,
  onMessage: (message: Message) => void,
): { send(message: Message): void; close(): void } {
  const socket = dial(port);
  const turn = new Turn<Uint8Array>(socket, together);
  apart(socket, (piece) => onMessage(decodeMessage(piece)));
  return { send: (message) => turn.put(encodeMessage(message)), close: () => socket.destroy() };
}

/** Tells of each message, and of what answers the one who sent it. */
export function messageReceiver(
  onMessage: (message: Message, answer: (message: Message) => void) => void,
): Server {
  return createServer({ noDelay: true }, (socket) => {
    const turn = new Turn<Uint8Array>(socket, together);
    const answer = (message: Message): void => turn.put(encodeMessage(message));
    apart(socket, (piece) => onMessage(decodeMessage(piece), answer));
  });
}

/** Sends updates, and finds whose the answers are. */
export function updateSender(port: number): {
  submit(update: ClientUpdate): Promise<UpdateAnswer>;
  close(): void;
} {
  const socket = dial(port);
  const callers = new Map<bigint, (answer: UpdateAnswer) => void>();
  const turn = new Turn<ClientUpdate>(socket, (updates) =>
    together([toBinary(UpdateBatchSchema, create(UpdateBatchSchema, { updates: [...updates] }))]),
  );
  apart(socket, (piece) => {
    for (const answer of fromBinary(UpdateAnswersSchema, piece).answers) {
      callers.get(answer.timestamp)?.(answer);
      callers.delete(answer.timestamp);
    }
  });
  const submit = (update: ClientUpdate): Promise<UpdateAnswer> =>
    new Promise((resolve) => {
      callers.set(update.timestamp, resolve);
      turn.put(update);
    });
  return { submit, close: () => socket.destroy() };
}

/** Answers every update at once with its timestamp and bytes. */
export function updateAnswerer(): Server {
  return createServer({ noDelay: true }, (socket) => {
    const turn = new Turn<UpdateAnswer>(socket, (answers) =>
      together([toBinary(UpdateAnswersSchema, create(UpdateAnswersSchema, { answers: [...answers] }))]),
    );
    apart(socket, (piece) => {
      for (const { clientId, timestamp, update } of fromBinary(UpdateBatchSchema, piece).updates)
        turn.put(create(UpdateAnswerSchema, { clientId, timestamp, seq: timestamp, result: update }));
    });
  });
}
