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
