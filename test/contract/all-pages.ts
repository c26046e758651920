import type { Page, PageRequest } from "../../shared/app/ports.ts";

/** A list that never ends is a bug, not a long list. */
const PAGES_MAX = 100;

/** Everything a list answers, page by page; each page is within its limit. */
export async function allPages<T>(
  list: (page: PageRequest) => Promise<Page<T>>,
  limit: number,
): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await list({ limit, cursor });
    if (!page.ok) throw new Error(`a cursor that the list gave itself is ${page.reason}`);
    if (page.items.length > limit)
      throw new Error(`${page.items.length} items, asked for ${limit}`);
    items.push(...page.items);
    if (page.nextCursor === undefined) return items;
    cursor = page.nextCursor;
  }
  throw new Error(`more than ${PAGES_MAX} pages`);
}
