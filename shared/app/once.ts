/**
 * A POST that makes no job, and its `Idempotency-Key`: the same request with the same key is done once within 24 hours.
 *
 *  1. The key is noted before anything is done, and settled when it has been. A retry in between does it again: what is done here
 *     is the same when it is done twice in a row. A retry after it changes nothing, whatever has become of it meanwhile:
 *     it would fence a host that has come back.
 *  2. What is new in an answer (an id, a secret) is made of the seed that the key was noted with, so that a retry is answered
 *     the same.
 *  3. A secret is made of the caller's token too, and is stored nowhere. Another token's retry is another request
 *     (docs/adr/0023).
 */
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import type { Ports } from "./ports.ts";
import { idempotencyOf, type Keyed } from "./submit-verb.ts";

type OnceDeps = Pick<Ports, "submissions" | "clock" | "names">;
type KeyedRequest = Keyed & { readonly caller: Caller };
type Ways<T> = {
  /** Does it. May be called more than once for one key, with the same seed. */
  readonly act: (seed: string) => Promise<Answer<T>>;
  /** Only answers: it has been done. Absent: doing it again never changes anything. */
  readonly again?: (seed: string) => Promise<Answer<T>>;
};

/** Does it, or answers that it was done. What is refused may be asked again with the same key. */
export async function once<T>(
  deps: OnceDeps,
  request: KeyedRequest,
  { act, again = act }: Ways<T>,
): Promise<Answer<T>> {
  const fresh = deps.names.hash(deps.names.secret());
  const idempotency = idempotencyOf(deps, request);
  if (idempotency === undefined) return act(fresh);
  const now = deps.clock.now();
  const accepted = await deps.submissions.accept({ seed: fresh, idempotency, now });
  const before = accepted.status === "replayed" ? accepted : undefined;
  const seed = accepted.status === "accepted" ? fresh : before?.seed;
  if (seed === undefined)
    return refuse("idempotency_conflict", "this key was used for another request");
  if (before?.done === true) return again(seed);
  const answer = await act(seed);
  if (answer.ok) await deps.submissions.settle(idempotency);
  return answer;
}

/** The same of what answers a secret, which is given instead of a seed (3). */
export async function onceWithSecret<T>(
  deps: OnceDeps,
  request: KeyedRequest & { readonly credential: string },
  { act, again = act }: Ways<T>,
): Promise<Answer<T>> {
  const { credential, requestHash } = request;
  const ofCredential = (text: string) => deps.names.hash(`${text}\n${credential}`);
  return once(
    deps,
    { ...request, requestHash: ofCredential(requestHash) },
    { act: (seed) => act(ofCredential(seed)), again: (seed) => again(ofCredential(seed)) },
  );
}
