/**
 * `POST /v1/events`: puts a user's own event on the bus.
 *
 * With a key a retry puts it again under the same id: an event told twice is recorded once, and wakes a job once. Without a
 * key each POST is an event of its own.
 */
import type { Answer } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import type { Published, PublishRequest } from "../model/user-api.ts";
import { once } from "./once.ts";
import type { Ports } from "./ports.ts";
import type { Keyed } from "./submit-verb.ts";

/** Hexadecimal: 128 bits, as a UUID has. */
const ID_DIGITS = 32;

export async function publishEvent(
  deps: Pick<Ports, "bus" | "submissions" | "clock" | "names">,
  request: Keyed & { readonly caller: Caller; readonly request: PublishRequest },
): Promise<Answer<Published>> {
  const { caller, request: wish } = request;
  const { topic, detail } = wish;
  return once(deps, request, {
    act: async (seed) => {
      const id = `custom.${seed.slice(0, ID_DIGITS)}`;
      const at = deps.clock.now();
      await deps.bus.put([{ family: "custom", topic, id, at, account: caller.account, detail }]);
      return { ok: true, value: { id, topic } };
    },
  });
}
