/** From a store's page of records to the page that a list answers (contract, "Conventions"). */
import { type Answer, refuse } from "../model/problem.ts";
import type { Page } from "./ports.ts";

export type PageOf<T> = { readonly items: T[]; readonly nextCursor?: string };

/** Each record as it is shown; a cursor that no list gave is the caller's error, and named. */
export function answerPage<R, T>(page: Page<R>, view: (record: R) => T): Answer<PageOf<T>> {
  if (!page.ok) {
    const message = "not a cursor of this list";
    return refuse("invalid_request", `cursor: ${message}`, {
      errors: [{ path: "cursor", message }],
    });
  }
  const items = page.items.map((record) => view(record));
  const { nextCursor } = page;
  return { ok: true, value: nextCursor === undefined ? { items } : { items, nextCursor } };
}
