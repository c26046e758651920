/** Inside, times are epoch milliseconds; at the HTTP edge, ISO-8601 in UTC. */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}

/** The same for a time that may be absent. */
export function isoTimeIf(at: number | undefined): string | undefined {
  return at === undefined ? undefined : isoTime(at);
}
