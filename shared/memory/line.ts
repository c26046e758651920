/** A line of items: first in, first out; an array's own `shift` moves all the rest each time. */
export interface Line<Item> {
  readonly push: (item: Item) => void;
  readonly first: () => Item | undefined;
  readonly shift: () => Item | undefined;
}

/** How many used places may stay in front before the line is cut. */
const LINE_SLACK_ITEMS = 1_024;

export function line<Item>(): Line<Item> {
  let items: Item[] = [];
  let start = 0;
  return {
    push: (item) => {
      items.push(item);
    },
    first: () => items[start],
    shift: () => {
      const item = items[start];
      if (item !== undefined) start++;
      if (start > LINE_SLACK_ITEMS && start * 2 > items.length) {
        items = items.slice(start);
        start = 0;
      }
      return item;
    },
  };
}
