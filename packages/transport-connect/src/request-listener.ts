import {
  createConnectRouter,
  createContextKey,
  createContextValues,
  type ConnectRouter,
} from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { constants, type Http2ServerRequest, type Http2ServerResponse, type Http2Session } from "node:http2";

import { limitedBody, type BodyLimits } from "./body-limits.js";

type Handler = ConnectRouter["handlers"][number];

/** The HTTP/2 connection of a request, for handlers that must close the whole of it. */
export const sessionKey = createContextKey<Http2Session | undefined>(undefined);

/**
 * Connects the services of a router to an HTTP/2 server. connect-node's own adapter is not used because it writes to
 * the console whenever a stream breaks off, and throws out of the server on a request with a malformed authority.
 * `limits` are those of streams, by their paths. `encoded` has other handlers for some paths, for messages that are not in JSON.
 */
export function requestListener(
  router: ConnectRouter,
  limits: ReadonlyMap<string, BodyLimits> = new Map(),
  encoded: ConnectRouter = createConnectRouter(),
): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  const handlers = byPath(router);
  const encodedHandlers = byPath(encoded);
  return (request, response) => {
    const path = request.url.split("?", 1)[0] ?? "";
    const handler =
      (isJson(request.headers["content-type"]) ? undefined : encodedHandlers.get(path)) ?? handlers.get(path);
    if (handler === undefined) {
      response.writeHead(constants.HTTP_STATUS_NOT_FOUND);
      response.end();
      return;
    }
    answer(handler, request, response, limits.get(handler.requestPath)).catch(() => {
      // Failures of the implementation have been answered by the handler. What is left is a stream that broke
      // off, or a request so malformed that no answer can be made.
      if (!response.stream.destroyed) response.stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
    });
  };
}

function byPath(router: ConnectRouter): ReadonlyMap<string, Handler> {
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}

function isJson(contentType: string | null | undefined): boolean {
  return contentType?.includes("json") === true;
}

async function answer(
  handler: Handler,
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  limits: BodyLimits | undefined,
): Promise<void> {
  const values = createContextValues().set(sessionKey, request.stream.session);
  const universal = universalRequestFromNodeRequest(request, response, undefined, values);
  const limited = limits === undefined ? universal : withLimits(universal, limits);
  await universalResponseToNodeResponse(withPlainMessage(await handler(limited)), response);
}

function withLimits(request: UniversalServerRequest, limits: BodyLimits): UniversalServerRequest {
  const { body, header } = request;
  if (!isByteStream(body)) return request;
  return { ...request, body: limitedBody(body, isJson(header.get("content-type")), limits) };
}

function isByteStream(body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

/**
 * The library escapes more of gRPC's error messages than it must, and some clients, grpc-js among them, turn back only what they
 * themselves would have escaped. So only that is escaped.
 */
function withPlainMessage(response: UniversalServerResponse): UniversalServerResponse {
  const { body, trailer } = response;
  if (body === undefined || trailer === undefined) return response;
  const unescaping = async function* (): AsyncGenerator<Uint8Array> {
    yield* body;
    // Trailers are complete, and not yet sent, when the body has ended.
    const message = trailer.get("grpc-message");
    if (message !== null) trailer.set("grpc-message", encodeURI(decodeURIComponent(message)));
  };
  return { ...response, body: unescaping() };
}
