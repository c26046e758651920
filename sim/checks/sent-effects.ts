/**
 * A4, from outside: what commits said was to be done, against what was carried out.
 *
 *  1. What only a commit can bring about is carried out after it.
 *  2. All of a commit has been carried out before another commit replaces it, and before its messages are deleted.
 */
import type { Effect } from "../../shared/model/effect.ts";
import { effectName } from "./effect-name.ts";
import type { Broken } from "./violation.ts";

/** The last commit of one apartment. */
type Commit = {
  readonly version: number;
  /** SQS's ids of the messages whose turn it was. */
  readonly messageIds: ReadonlySet<string>;
  /** Effects that nobody has carried out yet. */
  readonly unsent: Set<string>;
};

export interface SentEffects {
  readonly committed: (
    id: string,
    commit: {
      readonly version: number;
      readonly effects: readonly Effect[];
      readonly messageIds: readonly string[];
    },
  ) => void;
  readonly carriedOut: (name: string) => void;
  /** Messages were deleted from the apartments' queue. */
  readonly acknowledged: (id: string, messageIds: readonly string[]) => void;
  /** One that was committed and not carried out so far. */
  readonly unsent: () => string | undefined;
  /** Events that commits told on the bus. */
  readonly told: () => readonly string[];
}

/** Effects that nothing but a commit brings about (`effect-name.ts`). */
const OF_COMMITS_ONLY = /^(command|job|new-job|reserve|release) /;
const EVENT = "event ";

export function sentEffects(broken: Broken): SentEffects {
  const last = new Map<string, Commit>();
  const unsentOf = new Map<string, Commit>();
  const committed = new Set<string>();
  const told: string[] = [];
  return {
    told: () => told,
    unsent: () => unsentOf.keys().next().value,
    committed: (id, { version, effects, messageIds }) => {
      const before = last.get(id);
      for (const name of before?.unsent ?? [])
        broken(
          "A4",
          `${id}: version ${before?.version} was overwritten, and its effect was never sent: ${name}`,
        ); // 2
      const commit = { version, messageIds: new Set(messageIds), unsent: new Set<string>() };
      last.set(id, commit);
      for (const effect of effects) {
        const name = effectName(effect);
        commit.unsent.add(name);
        unsentOf.set(name, commit);
        committed.add(name);
      }
    },
    carriedOut: (name) => {
      if (OF_COMMITS_ONLY.test(name) && !committed.has(name))
        broken("A4", `no commit says so, and it was carried out: ${name}`); // 1
      if (unsentOf.has(name) && name.startsWith(EVENT)) told.push(name.slice(EVENT.length));
      unsentOf.get(name)?.unsent.delete(name);
      unsentOf.delete(name);
    },
    acknowledged: (id, messageIds) => {
      const commit = last.get(id);
      const [unsent] = commit?.unsent ?? [];
      if (unsent !== undefined && messageIds.some((each) => commit?.messageIds.has(each) === true))
        broken("A4", `${id}: a message was deleted before this effect of it was sent: ${unsent}`); // 2
    },
  };
}
