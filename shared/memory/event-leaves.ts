/** An event as its leaves: what an event pattern is matched against. */

/** A string, number, boolean or null, and which element of which list (by path) it was found in. */
export type Leaf = { readonly value: unknown; readonly elements: ReadonlyMap<string, number> };

/** The leaves of a JSON value by dotted path. Objects and empty lists have none. */
export function eventLeaves(event: unknown): ReadonlyMap<string, readonly Leaf[]> {
  const leaves = new Map<string, Leaf[]>();
  collect(leaves, { value: event, elements: new Map() }, "");
  return leaves;
}

function collect(leaves: Map<string, Leaf[]>, { value, elements }: Leaf, path: string): void {
  if (Array.isArray(value)) {
    // A list in a list counts as the same list: its elements stay distinguishable by their own path.
    const list = elements.has(path) ? `${path}[]` : path;
    value.forEach((element: unknown, index) => {
      collect(leaves, { value: element, elements: new Map([...elements, [list, index]]) }, path);
    });
    return;
  }
  if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      collect(leaves, { value: member, elements }, path === "" ? name : `${path}.${name}`);
    }
    return;
  }
  const found = leaves.get(path);
  if (found) found.push({ value, elements });
  else leaves.set(path, [{ value, elements }]);
}
