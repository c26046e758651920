/** What the text says, or `undefined` where it is no JSON: a schema refuses both alike. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
