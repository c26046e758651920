/** A binary heap of items by due time whose items can be moved and removed in place, and read in order without changing it. */

/** What the heap orders: by `dueAt`, then by `tie`. The heap alone writes `slot`. */
export interface DueItem {
  dueAt: number;
  tie: number;
  slot: number;
}

/** `slot` of an item that is in no heap. */
export const NO_SLOT = -1;

export interface DueHeap<Item extends DueItem> {
  readonly size: () => number;
  readonly first: () => Item | undefined;
  /** Adds the item, or moves it after its `dueAt` or `tie` changed. */
  readonly put: (item: Item) => void;
  /** Does nothing if the item is not in the heap. */
  readonly remove: (item: Item) => void;
  /** All items, earliest first; costs O(k log k) for the first k. The heap must not change meanwhile. */
  readonly inOrder: () => Generator<Item>;
}

export function dueHeap<Item extends DueItem>(): DueHeap<Item> {
  const items: Item[] = [];
  const place = (item: Item, slot: number) => {
    items[slot] = item;
    item.slot = slot;
  };

  const rise = (item: Item) => {
    let slot = item.slot;
    while (slot > 0) {
      const parent = items[(slot - 1) >> 1];
      if (parent === undefined || !before(item, parent)) break;
      const next = parent.slot;
      place(parent, slot);
      slot = next;
    }
    place(item, slot);
  };

  const sink = (item: Item) => {
    let slot = item.slot;
    for (;;) {
      const child = earlier(items[2 * slot + 1], items[2 * slot + 2]);
      if (child === undefined || !before(child, item)) break;
      const next = child.slot;
      place(child, slot);
      slot = next;
    }
    place(item, slot);
  };

  return {
    size: () => items.length,
    first: () => items[0],
    put: (item) => {
      if (item.slot === NO_SLOT) place(item, items.length);
      rise(item);
      sink(item);
    },
    remove: (item) => {
      if (item.slot === NO_SLOT) return;
      const last = items.pop();
      if (last !== undefined && last !== item) {
        place(last, item.slot);
        rise(last);
        sink(last);
      }
      item.slot = NO_SLOT;
    },
    inOrder: () => walk(items),
  };
}

/** Best first: the frontier holds the children of what was given out, so it stays as small as what was read. */
function* walk<Item extends DueItem>(items: readonly Item[]): Generator<Item> {
  const frontier = dueHeap<DueItem & { readonly item: Item }>();
  const offer = (item: Item | undefined) => {
    if (item) frontier.put({ dueAt: item.dueAt, tie: item.tie, slot: NO_SLOT, item });
  };
  offer(items[0]);
  for (let next = frontier.first(); next; next = frontier.first()) {
    frontier.remove(next);
    const { slot } = next.item;
    yield next.item;
    offer(items[2 * slot + 1]);
    offer(items[2 * slot + 2]);
  }
}

function before(a: DueItem, b: DueItem): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.tie < b.tie);
}

function earlier<Item extends DueItem>(a: Item | undefined, b: Item | undefined): Item | undefined {
  return a !== undefined && b !== undefined && before(b, a) ? b : a;
}
