/** The length of a text in UTF-8, without naming a platform's API: limits are in bytes. */
export function byteLength(text: string): number {
  // Nearly all are ASCII, which is quickly seen.
  for (let index = 0; index < text.length; index += 1)
    if (text.charCodeAt(index) >= 0x80) return index + bytesOf(text.slice(index));
  return text.length;
}

function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** Of one unit of a text in JSON: `\u0000`. */
const ESCAPED_BYTES_MAX = 6;
/** Of a number, `true`, `false` or `null`. */
const OTHER_BYTES_MAX = 25;

/** No JSON of what is made of objects, lists, texts and the like has more bytes than this. */
export function jsonBytesMax(value: unknown): number {
  if (typeof value === "string") return value.length * ESCAPED_BYTES_MAX + 2;
  if (typeof value !== "object" || value === null) return OTHER_BYTES_MAX;
  let bytes = 2;
  if (Array.isArray(value)) for (const element of value) bytes += jsonBytesMax(element) + 1;
  else
    for (const key of Object.keys(value))
      bytes += jsonBytesMax(key) + jsonBytesMax(Reflect.get(value, key)) + 2;
  return bytes;
}
