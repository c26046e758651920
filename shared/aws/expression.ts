/**
 * Placeholders of DynamoDB expressions. Names and values never stand in an expression's text: reserved words, and one
 * engine (dynoxide 1.2.1) that can end at a character outside ASCII in the text.
 */

/** `names("id", "version")` → `{ "#id": "id", "#version": "version" }`. */
export function names(...attributes: readonly string[]): Record<string, string> {
  return Object.fromEntries(attributes.map((attribute) => [`#${attribute}`, attribute]));
}

/** `values({ version: 3 })` → `{ ":version": 3 }`. */
export function values(byName: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(byName).map(([name, value]) => [`:${name}`, value]));
}
