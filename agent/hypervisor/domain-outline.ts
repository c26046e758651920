/**
 * Where the elements of a domain XML begin and end, so that text from outside can be looked at and changed in place.
 *
 *  1. Only what is needed is understood: the elements of the root and of the next levels, and their attributes. libvirt
 *     parses the rest and checks it.
 *  2. A document type is refused, as entities could hide an element from this and not from libvirt; so is what begins like
 *     a comment and has no end: looking for it from each beginning would take seconds.
 */

/** Levels below the root that are looked at: `devices/disk/source` is the deepest one asked for. */
const DEPTH_MAX = 3;

export type DomainElement = {
  /** The names from below the root down, e.g. `memory`, `devices/disk`. */
  readonly path: string;
  readonly from: number;
  readonly to: number;
  /** Of what is between the tags; empty at `to` where there is only one tag. */
  readonly contentFrom: number;
  readonly contentTo: number;
  readonly attributes: ReadonlyMap<string, string>;
};

export type DomainOutline =
  | {
      readonly ok: true;
      readonly root: DomainElement;
      /** In the order in which they begin. */
      readonly elements: readonly DomainElement[];
    }
  | { readonly ok: false; readonly reason: string };

/** Comments, CDATA, processing instructions, what is none of them (`wrong`), tags; attributes may contain `>` in quotes. */
const MARKUP =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|(?<wrong><[!?])|<(?<close>\/?)(?<name>[A-Za-z_][\w.:-]*)(?<attributes>\s(?:[^"'<>]|"[^"]*"|'[^']*')*?)?(?<empty>\/?)>/g;

type Opened = Omit<DomainElement, "to" | "contentTo"> & { readonly at: number };

export function outlineOf(xml: string): DomainOutline {
  if (/<!DOCTYPE/i.test(xml)) return refused("a document type is not allowed"); // 2
  const open: Opened[] = [];
  const elements: (DomainElement | undefined)[] = [];
  let root: DomainElement | undefined;
  let depth = 0;
  const end = (element: Opened, contentTo: number, to: number) => {
    const { at, ...rest } = element;
    const ended = { ...rest, contentTo, to };
    if (at < 0) root ??= ended;
    else elements[at] = ended;
  };
  for (const match of xml.matchAll(MARKUP)) {
    const { wrong, name, close, empty, attributes } = match.groups ?? {};
    if (wrong !== undefined) return refused("it is not well-formed");
    if (name === undefined) continue;
    const from = match.index;
    const to = from + match[0].length;
    if (close === "/") {
      depth -= 1;
      const ended = depth <= DEPTH_MAX ? open.pop() : undefined;
      if (ended !== undefined) end(ended, from, to);
      continue;
    }
    if (depth === 0 && name !== "domain") return refused(`the root element is ${name}, not domain`);
    if (depth === 0 && empty === "/") return refused("it is empty");
    if (depth <= DEPTH_MAX) {
      const path = depth <= 1 ? name : `${open.at(-1)?.path}/${name}`;
      const at = depth === 0 ? -1 : elements.push(undefined) - 1;
      const opened = { path, from, contentFrom: to, attributes: attributesOf(attributes), at };
      if (empty === "/") end(opened, to, to);
      else open.push(opened);
    }
    if (empty !== "/") depth += 1;
  }
  if (root === undefined || depth !== 0) return refused("it is not well-formed");
  return { ok: true, root, elements: elements.filter((element) => element !== undefined) };
}

/** Those inside `element`. */
export function inside(
  elements: readonly DomainElement[],
  element: DomainElement,
): readonly DomainElement[] {
  return elements.filter((one) => one.from > element.from && one.to <= element.contentTo);
}

export type Edit = { readonly from: number; readonly to: number; readonly text: string };

/** The text with every edit made; they do not overlap. */
export function edited(xml: string, edits: readonly Edit[]): string {
  return [...edits]
    .sort((one, other) => other.from - one.from)
    .reduce((text, { from, to, text: put }) => text.slice(0, from) + put + text.slice(to), xml);
}

function attributesOf(text: string | undefined): ReadonlyMap<string, string> {
  const found = (text ?? "").matchAll(/([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g);
  return new Map([...found].map(([, name, one, other]) => [name ?? "", plain(one ?? other ?? "")]));
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  apos: "'",
  quot: '"',
};

function plain(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi, (whole, hex, ten, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = hex === undefined ? Number(ten) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function refused(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason: `domain XML: ${reason}` };
}
