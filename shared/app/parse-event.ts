/** A topic event, from the text in which the bus handed it over. */
import { BusEvent, type TopicEvent } from "../model/topic.ts";
import { parseJson } from "./parse-message.ts";

export type ParsedEvent =
  | { readonly ok: true; readonly event: TopicEvent }
  | { readonly ok: false; readonly reason: string };

/** The reason says where the text is wrong and quotes none of it. */
export function parseEvent(text: string): ParsedEvent {
  const parsed = BusEvent.safeParse(parseJson(text));
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join(".") ?? "";
    return { ok: false, reason: `not an event: ${path === "" ? "the whole" : path} is not valid` };
  }
  const { topic, id, at, account, ...detail } = parsed.data.detail;
  const family = parsed.data["detail-type"];
  return {
    ok: true,
    event: { family, topic, id, at: Date.parse(at), ...(account && { account }), detail },
  };
}
