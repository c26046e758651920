/**
 * What may have been told and not written down: the marks that reports leave on the heartbeat (`Heartbeat.heard`).
 *
 *  1. A report is marked by the very write that accepts it, before anything of it is told; its mark goes when it is worked
 *     off. So whatever dies in between, the mark says that apartments may know something that the inventory does not.
 *  2. A report that says the same as a marked one tells all that it told, and later.
 *  3. What says the same as the inventory told nothing that the inventory does not know: so the marks that quiet reports
 *     leave are no doubt.
 *  4. A mark that stands longer than anybody works on a report is of one that nobody works on: the next report is told
 *     whole, and then nothing is in doubt.
 */
import type { HeardMark, Heartbeat } from "../model/host.ts";

/** Working off a report takes a fraction of a second, 2,000 changed VMs a few. */
const WORK_MS_MAX = 10_000;

/** Whether nothing but this digest is marked. */
export function isHeardAlone(heard: Heartbeat["heard"], digest: string): boolean {
  return Object.keys(heard ?? {}).every((each) => each === digest);
}

/** What stands before a report in its boot. */
export function doubtsBefore(
  heard: Heartbeat["heard"],
  report: {
    readonly seq: number;
    readonly digest: string;
    readonly receivedAt: number;
    /** What the inventory says, if that is known. */
    readonly known: string | undefined;
  },
): {
  /** Of earlier reports that said the same as this one, or as the inventory. */
  readonly harmless: readonly HeardMark[];
  /** Of earlier reports that said something else. */
  readonly doubtful: readonly HeardMark[];
  /** One of those is of a report that nobody works on any more (4). */
  readonly abandoned: boolean;
} {
  const marks = Object.entries(heard ?? {})
    .map(([digest, mark]) => ({ digest, ...mark }))
    .filter(
      ({ digest, seq }) => seq < report.seq || (seq === report.seq && digest === report.digest),
    );
  const isHarmless = ({ digest }: HeardMark) => digest === report.digest || digest === report.known;
  const doubtful = marks.filter((mark) => !isHarmless(mark));
  return {
    harmless: marks.filter(isHarmless).map(plain), // 2, 3
    doubtful: doubtful.map(plain),
    abandoned: doubtful.some(({ at }) => report.receivedAt - at >= WORK_MS_MAX),
  };
}

function plain({ digest, seq }: HeardMark): HeardMark {
  return { digest, seq };
}
