/** How long work waits for others, beside what the settings say. */

/** Beyond a command's own time, for its result: the way there and back. */
export const RESULT_SLACK_MS = 15_000;
/** For a host to say how a command ended, or what is true before one. */
export const CONFIRM_MS = 60_000;
