/** An event as its leaves: what an event pattern is matched against. */

/** A string, number, boolean or null, and which element of which list (by path) it was found in. */
export type Leaf = { readonly value: unknown; readonly elements: ReadonlyMap<string, number> };

/**
 * The leaves of a JSON value by dotted path, as far as the path and all that it begins with are among those given. Objects and
 * empty lists have none.
 */
export function eventLeaves(
  event: unknown,
  paths: ReadonlySet<string>,
): ReadonlyMap<string, readonly Leaf[]> {
  const leaves = new Map<string, Leaf[]>();
  collect({ leaves, paths }, { value: event, elements: new Map() }, "");
  return leaves;
}

type Collected = {
  readonly leaves: Map<string, Leaf[]>;
  readonly paths: ReadonlySet<string>;
};

function collect(into: Collected, { value, elements }: Leaf, path: string): void {
  if (Array.isArray(value)) {
    // A list in a list counts as the same list: its elements stay distinguishable by their own path.
    const list = elements.has(path) ? `${path}[]` : path;
    value.forEach((element: unknown, index) => {
      collect(into, { value: element, elements: new Map([...elements, [list, index]]) }, path);
    });
    return;
  }
  if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      const memberPath = path === "" ? name : `${path}.${name}`;
      if (into.paths.has(memberPath)) collect(into, { value: member, elements }, memberPath);
    }
    return;
  }
  const found = into.leaves.get(path);
  if (found) found.push({ value, elements });
  else into.leaves.set(path, [{ value, elements }]);
}
