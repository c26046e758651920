/** The stage's throttling: a bucket that fills at a steady rate and holds a burst. */
export interface RateLimit {
  /** Whether one more request may pass now. */
  readonly take: (now: number) => boolean;
}

export function rateLimit(limit: {
  readonly requestsPerSecond: number;
  readonly burst: number;
}): RateLimit {
  let tokens = limit.burst;
  let filledAt = 0;
  return {
    take: (now) => {
      const elapsedMs = Math.max(0, now - filledAt);
      tokens = Math.min(limit.burst, tokens + (elapsedMs * limit.requestsPerSecond) / 1_000);
      filledAt = now;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
