/** From a use case's answer to a route's reply. */
import type { Answer } from "../model/problem.ts";
import { PAGE_LIMIT_DEFAULT } from "../model/user-api.ts";

/** A success becomes the body of a status; a refusal stays what it is. */
export function replyWith<S extends number, T>(
  status: S,
  answer: Answer<T>,
): Answer<{ readonly status: S; readonly body: T }> {
  return answer.ok ? { ok: true, value: { status, body: answer.value } } : answer;
}

/** The page that a query asks for. */
export function pageOf(query: {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}): { readonly limit: number; readonly cursor: string | undefined } {
  return { limit: query.limit ?? PAGE_LIMIT_DEFAULT, cursor: query.cursor };
}
