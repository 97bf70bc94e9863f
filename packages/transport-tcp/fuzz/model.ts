// What must become of the bytes that arrive on a connection: the rules of PROTOCOL.md once more, told from the whole of
// the bytes, and with nothing in common with the state machine but the Protobuf library.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  FrameSchema,
  MembershipChangeSchema,
  MessageSchema,
  type Call,
  type ChangeMembershipRequest,
  type Frame,
  type Hello,
  type UpdateBatch,
} from "@paxos/proto";
import { clusterId } from "../test/endpoint.js";

/** What a connection has come to. */
export interface Outcome {
  /** Why it was closed; undefined while it is open, or when it was ended in good order. */
  counter?: string;
  open: boolean;
  /** Messages that the node has received, encoded anew by whoever compares. */
  messages: number;
  /** Updates handed to the handler, and what else was asked for, in its order. */
  updates: string[];
  calls: string[];
}

const maxPayload = 4096;
const firstFrameBytes = 128 * 1024;
const peerFrameBytes = 512 * 1024 + 64 * 1024;
const clientFrameBytes = 2048 * 1024 + 64 * 1024;

class Model {
  readonly outcome: Outcome = { open: true, messages: 0, updates: [], calls: [] };
  #speaker: "unknown" | "peer" | "client" = "unknown";
  /** Nothing is ever answered: what is asked for stays under way until it is given up. */
  readonly #updates = new Set<string>();
  readonly #queries = new Set<bigint>();
  readonly #calls = new Set<bigint>();

  get limit(): number {
    if (this.#speaker === "unknown") return firstFrameBytes;
    return this.#speaker === "peer" ? peerFrameBytes : clientFrameBytes;
  }

  close(counter?: string): void {
    if (!this.outcome.open) return;
    this.outcome.open = false;
    if (counter !== undefined) this.outcome.counter = counter;
  }

  take(frame: Frame): void {
    if (this.#speaker === "unknown") this.#greet(frame);
    else if (this.#speaker === "peer") this.#fromPeer(frame);
    else this.#fromClient(frame);
  }

  #greet(frame: Frame): void {
    const { hello, clientHello } = frame;
    const alone =
      fieldsIn(frame) === 1 || (hello === undefined && clientHello === undefined && fieldsIn(frame) >= 0);
    if (!alone) this.close("closed_unexpected_frame");
    else if (clientHello !== undefined) {
      if (clientHello.protocolVersion === 1) this.#speaker = "client";
      else this.close("refused_protocol_version");
    } else {
      const refused = refusalOf(hello);
      if (refused === undefined) this.#speaker = "peer";
      else this.close(refused);
    }
  }

  #fromPeer(frame: Frame): void {
    const { messages, refusal, ping, pong } = frame;
    const allowed = [messages.length > 0, refusal !== undefined, ping !== 0n, pong !== 0n].filter(Boolean);
    if (fieldsIn(frame) > allowed.length) return this.close("closed_unexpected_frame");
    if (refusal !== undefined) return this.close();
    for (const bytes of messages) {
      if (bytes.length > maxPayload) return this.close("closed_undecodable");
      let to: bigint;
      try {
        to = fromBinary(MessageSchema, bytes).to;
      } catch {
        return this.close("closed_undecodable");
      }
      if (to !== 0n) return this.close("closed_misdirected");
      this.outcome.messages++;
    }
  }

  #fromClient(frame: Frame): void {
    const { updates, calls, ping, pong } = frame;
    const allowed = [updates !== undefined, calls.length > 0, ping !== 0n, pong !== 0n].filter(Boolean);
    if (fieldsIn(frame) > allowed.length) return this.close("closed_unexpected_frame");
    if (updates !== undefined) this.#take(updates);
    for (const call of calls) this.#call(call);
  }

  #take({ updates, abandoned, queries, abandonedQueries }: UpdateBatch): void {
    for (const { clientId, timestamp } of abandoned) this.#updates.delete(`${clientId}/${timestamp}`);
    for (const { id } of abandonedQueries) this.#queries.delete(id);
    for (const { clientId, timestamp, update } of updates) {
      const id = `${clientId}/${timestamp}`;
      if (this.#updates.has(id)) continue;
      this.#updates.add(id);
      // One that is too large is answered without the handler.
      if (update.length + 64 <= maxPayload) this.outcome.updates.push(id);
    }
    for (const { id, request } of queries) {
      if (this.#queries.has(id)) continue;
      this.#queries.add(id);
      // Nor does it hear of one that is too large, or of none.
      if (request !== undefined && request.query.length + 64 <= maxPayload) this.outcome.calls.push("query");
    }
  }

  #call({ id, type }: Call): void {
    if (!this.outcome.open || type.case === "taken") return;
    if (type.case === "cancel") this.#calls.delete(id);
    else if (this.#calls.has(id)) this.close("closed_unexpected_frame");
    else if (type.case !== undefined) {
      this.#calls.add(id);
      // A change that is none, or too large, is answered without the handler.
      if (type.case !== "changeMembership" || isChange(type.value)) this.outcome.calls.push(type.case);
    }
  }
}

/** Judges all bytes of a connection at once. */
export function judge(bytes: Uint8Array, ends: boolean): Outcome {
  const model = new Model();
  let at = 0;
  while (model.outcome.open) {
    const size = sizeAt(bytes, at);
    if (size === undefined) break;
    if (size === "malformed" || size.bytes === 0 || size.bytes > model.limit) {
      model.close("closed_undecodable");
      break;
    }
    if (size.start + size.bytes > bytes.length) break;
    at = size.start + size.bytes;
    let frame: Frame;
    try {
      const encoded = bytes.subarray(size.start, at);
      requireReadable(encoded);
      frame = fromBinary(FrameSchema, encoded);
    } catch {
      model.close("closed_undecodable");
      break;
    }
    model.take(frame);
  }
  if (ends) model.close(at < bytes.length ? "closed_truncated" : undefined);
  return model.outcome;
}

function isChange({ change }: ChangeMembershipRequest): boolean {
  return change !== undefined && toBinary(MembershipChangeSchema, change).length <= 64 * 1024;
}

/** A message whose fields are elements: their wire types, and what their values consist of, by their numbers. */
interface Part {
  readonly types: readonly number[];
  readonly inner?: Readonly<Record<number, Part>>;
  /** How often a field may come, by its number. */
  readonly most?: Readonly<Record<number, number>>;
}

const setMembers: Part = { types: [-1, 2, 2] };
const change: Part = { types: [-1, 1, 0, 0, 2, 0, 0, 0, 2, 2, 2, 2, 2], inner: { 10: setMembers } };
const call: Part = {
  types: [-1, 0, 2, 2, 0, 0, 2, 2, 2, 2, 2, 2],
  inner: { 9: { types: [-1, 2], inner: { 1: change } } },
};
const framePart: Part = {
  types: [-1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0],
  inner: {
    6: { types: [-1, 2, 2, 2, 2], most: { 1: 4096, 3: 4096 } },
    7: { types: [-1, 2, 0, 2] },
    8: call,
  },
};

/** Throws when a frame has a field of another wire type than the tables say, too many elements, or too many updates or queries. */
function requireReadable(frame: Uint8Array): void {
  let elements = 0;
  const walk = (bytes: Uint8Array, { types, inner = {}, most = {} }: Part): void => {
    const times: Record<number, number> = {};
    for (const reader = new BinaryReader(bytes); reader.pos < reader.len;) {
      const [number, type] = reader.tag();
      const start = reader.pos;
      if ((types[number] ?? type) !== type || ++elements > 65_536) throw new Error("no frame");
      times[number] = (times[number] ?? 0) + 1;
      if (times[number] > (most[number] ?? Infinity)) throw new Error("no frame");
      reader.skip(type, number);
      const part = inner[number];
      if (part !== undefined) walk(new BinaryReader(bytes.subarray(start)).bytes(), part);
    }
  };
  walk(frame, framePart);
}

function sizeAt(
  bytes: Uint8Array,
  at: number,
): { readonly bytes: number; readonly start: number } | "malformed" | undefined {
  let size = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return size < 2 ** 32 ? { bytes: size, start: at + i + 1 } : "malformed";
  }
  return "malformed";
}

function fieldsIn(frame: Frame): number {
  const { hello, refusal, clientHello, serverHello, updates, answers, ping, pong } = frame;
  const { messages, calls, replies } = frame;
  const single = [hello, refusal, clientHello, serverHello, updates, answers].filter(
    (field) => field !== undefined,
  ).length;
  const lists = [messages, calls, replies].filter(({ length }) => length > 0).length;
  return single + lists + (ping === 0n ? 0 : 1) + (pong === 0n ? 0 : 1);
}

function refusalOf(hello: Hello | undefined): string | undefined {
  if (hello === undefined) return "refused_no_hello";
  if (Math.max(hello.protocolVersion, hello.newestVersion) < 1 || hello.protocolVersion > 2)
    return "refused_protocol_version";
  if (Buffer.compare(hello.clusterId, clusterId) !== 0) return "refused_cluster";
  if (hello.nodeId === 0n || hello.nodeId >= 2n ** 53n || hello.to !== 0n) return "refused_node";
  if (hello.saveHistory.length > 1024) return "refused_store";
  if (hello.epochRecord.length > 64 * 1024 || hello.address.length > 300) return "refused_node";
  // The node itself comes last: it knows of one member, and of that one's storage.
  if (hello.nodeId !== 1n) return "refused_node";
  return hello.storeId === 101n ? undefined : "refused_store";
}
