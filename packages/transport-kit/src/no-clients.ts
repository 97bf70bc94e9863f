import type { ClientHandler } from "@paxos/core";
import type { LogResponse } from "@paxos/proto";
import { noHandlerError } from "./request-errors.js";

const refused: AsyncIterable<LogResponse> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(noHandlerError()) }),
};

/** What a node without a handler answers: that it serves no clients. */
export const servesNoClients: ClientHandler = {
  clientUpdate: () => Promise.reject(noHandlerError()),
  log: () => refused,
  status: () => Promise.reject(noHandlerError()),
};
