/** How long to wait before asking again. */

/** The first wait: long enough not to hammer, short enough not to be felt. */
const FIRST_MS = 200;
/** The longest: a control plane that comes back is found within half a minute. */
const LONGEST_MS = 30_000;

export interface Backoff {
  /** The next wait, at least `atLeastMs` where the other side named one. */
  readonly next: (atLeastMs?: number) => number;
  /** It worked: begin anew. */
  readonly reset: () => void;
}

/** Doubling waits with jitter: half to whole of the nominal wait, so that hosts which failed together come back apart. */
export function backoff(random: () => number): Backoff {
  let nominalMs = FIRST_MS;
  return {
    next: (atLeastMs = 0) => {
      const waitMs = nominalMs * (0.5 + random() / 2);
      nominalMs = Math.min(nominalMs * 2, LONGEST_MS);
      return Math.max(waitMs, atLeastMs);
    },
    reset: () => {
      nominalMs = FIRST_MS;
    },
  };
}
