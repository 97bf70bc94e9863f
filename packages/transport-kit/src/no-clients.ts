import type { ClientHandler } from "@paxos/core";
import { noHandlerError } from "./request-errors.js";

const refused: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(noHandlerError()) }),
};

/** What a node without a handler answers: that it serves no clients. */
export const servesNoClients: ClientHandler = {
  clientUpdate: () => Promise.reject(noHandlerError()),
  query: () => Promise.reject(noHandlerError()),
  log: () => refused,
  status: () => Promise.reject(noHandlerError()),
  takeSnapshot: () => Promise.reject(noHandlerError()),
  backup: () => refused,
  members: () => Promise.reject(noHandlerError()),
  changeMembership: () => Promise.reject(noHandlerError()),
  transferLeadership: () => Promise.reject(noHandlerError()),
};
