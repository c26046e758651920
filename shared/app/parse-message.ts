/** A message to an apartment, from the text that the queue carried. */
import { ApartmentMessage } from "../model/apartment-message.ts";

export type ParsedMessage =
  | { readonly ok: true; readonly message: ApartmentMessage }
  | { readonly ok: false; readonly reason: string };

/** The reason says where the text is wrong and quotes none of it. */
export function parseMessage(text: string): ParsedMessage {
  const parsed = ApartmentMessage.safeParse(parseJson(text));
  if (parsed.success) return { ok: true, message: parsed.data };
  const issue = parsed.error.issues[0];
  const path = issue === undefined ? "" : issue.path.join(".");
  return { ok: false, reason: `not a message: ${path === "" ? "the whole" : path} is not valid` };
}

/** `undefined` for what is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
