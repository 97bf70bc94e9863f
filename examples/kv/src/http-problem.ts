// What a request is answered with that was not granted: a status, a code for programs, a sentence for people.
import { RequestError } from "@paxos/core";
import type { ContentfulStatusCode } from "hono/utils/http-status";

export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  constructor(
    readonly status: ContentfulStatusCode,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface ProblemBody {
  readonly error: { readonly code: string; readonly message: string };
}

export function answerOf(error: Error): [ProblemBody, ContentfulStatusCode] {
  const { status, code, message } = problemOf(error);
  return [{ error: { code, message } }, status];
}

function problemOf(error: Error): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (!(error instanceof RequestError))
    return new HttpProblem(500, "internal", "the server has failed at this request");
  switch (error.code) {
    case "invalid":
      return new HttpProblem(400, "invalid", error.message);
    case "too_large":
      return new HttpProblem(413, "too_large", error.message);
    case "busy":
    case "refused":
      return new HttpProblem(503, error.code, error.message);
    case "unavailable":
    case "expired":
    case "not_leader":
    case "timed_out":
    case "cancelled":
      // A write among them may have been made, or may yet be.
      return new HttpProblem(
        504,
        "unknown",
        `no answer in time (${error.message}); what was to be written may be, or not: read it`,
      );
  }
}
