/** Refusals as HTTP answers: RFC 9457 problem documents (contract, "Errors"). */
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { PROBLEMS, type ProblemCode, type Refusal } from "../model/problem.ts";

/** An answer as API Gateway takes it from a function (payload format 2.0). */
export type HttpResponse = APIGatewayProxyStructuredResultV2;

/** When a caller may come again, where the refusal does not know better: a throttled dependency needs a moment. */
const RETRY_AFTER_SECONDS_DEFAULT = 2;
const RETRY_STATUSES: ReadonlySet<number> = new Set([429, 503]);

/** A stable name of what went wrong; a URN, as it names and leads nowhere. */
export function problemType(code: ProblemCode): string {
  return `urn:vmsync:problem:${code}`;
}

/** The problem document of a refusal, with `Retry-After` where coming again helps. */
export function problemResponse(
  refusal: Omit<Refusal, "ok">,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const { status, title } = PROBLEMS[refusal.code];
  const retryAfterSeconds =
    refusal.retryAfterSeconds ??
    (RETRY_STATUSES.has(status) ? RETRY_AFTER_SECONDS_DEFAULT : undefined);
  return {
    statusCode: status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
      ...headers,
    },
    body: JSON.stringify({
      // First, so that an extra member can never pass itself off as one of the five.
      ...refusal.extra,
      type: problemType(refusal.code),
      title,
      status,
      detail: refusal.detail,
      code: refusal.code,
    }),
  };
}
