/** What happened, line by line, for a person who wants to know how it came to this. */
import { readable } from "./names.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface History {
  /** The text is made only if somebody keeps the history. */
  readonly tell: (text: () => string) => void;
  /** From now on it is kept. */
  readonly keep: () => void;
  readonly lines: () => readonly string[];
}

export function historyOf(time: Pick<VirtualTime, "now">): History {
  const beganAt = time.now();
  let lines: string[] | undefined;
  return {
    tell: (text) => {
      lines?.push(`${clockOf(time.now() - beganAt)}  ${readable(text())}`);
    },
    keep: () => {
      lines ??= [];
    },
    lines: () => lines ?? [],
  };
}

/** `1:02:03.456` since the beginning. */
function clockOf(ms: number): string {
  const pad = (value: number, digits: number) => String(Math.floor(value)).padStart(digits, "0");
  const seconds = ms / 1000;
  return `${pad(seconds / 3600, 1)}:${pad((seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}.${pad(ms % 1000, 3)}`;
}
