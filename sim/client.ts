/** A client of the user API: repeats what was not answered, under the same key. */
import { AccountId } from "../shared/model/ids.ts";
import type { Answer } from "../shared/model/problem.ts";
import type { Caller } from "../shared/model/token.ts";
import type { FunctionName } from "./functions.ts";
import { invoke } from "./invoke.ts";
import type { Random } from "./random.ts";
import type { Deps, World } from "./world.ts";

export const OPERATOR: Caller = { account: AccountId.parse("acme"), role: "operator" };
export const ADMIN: Caller = { account: AccountId.parse("acme"), role: "admin" };

export type Keyed = { readonly idempotencyKey: string; readonly requestHash: string };
export type Call = (deps: Deps, keyed: Keyed) => Promise<Answer<unknown>>;

/** A client's own patience with a request, and between two. */
const TRIES_MAX = 20;
const TRY_AGAIN_MS = { least: 200, most: 5_000 };

/** The same request with the same key, until it is answered or the client gives up. */
export async function tried(
  world: World,
  random: Random,
  name: FunctionName,
  call: Call,
): Promise<Answer<unknown> | undefined> {
  const idempotencyKey = world.memory.ports.names.secret();
  const keyed = { idempotencyKey, requestHash: idempotencyKey };
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    const ended = await invoke(world, name, (deps) => call(deps, keyed));
    if (ended.ok) return ended.value;
    await world.time.sleep(random.int(TRY_AGAIN_MS.least, TRY_AGAIN_MS.most));
  }
  return undefined;
}

export function described(answer: Answer<unknown> | undefined): string {
  if (answer === undefined) return "nothing";
  return answer.ok ? "yes" : `${answer.code}, ${answer.detail}`;
}
