/** The text within a bound of the protocol, in UTF-16 units as the schemas count. Never ends in half a character. */
export function cutText(text: string, unitsMax: number): string {
  if (text.length <= unitsMax) return text;
  const cut = text.slice(0, unitsMax);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}
