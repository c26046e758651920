/** What spin checks: each model with its bounds, and, for each rule that is taken away, that it then fails. */

export type Run = {
  /** Of the table. */
  readonly name: string;
  readonly model: "turns.pml" | "settlement.pml";
  /** Given to the model's preprocessor. */
  readonly defines: Readonly<Record<string, number | true>>;
  /** `breaks`: the rule is away, and an assertion with this text must fail. */
  readonly expect: { readonly holds: true } | { readonly breaks: string };
};

/** Turns: the loads apart from each other and a register (A2, A3); inline turns (A4, A5); dead letters (A4). */
const APART = { APART: true, INLINE_TURNS: 0, AGAIN: 1 } as const;
const INLINE = { INLINE_TURNS: 1, AGAIN: 0 } as const;
const DEAD = { DEAD_LETTERS: true, MESSAGES: 2, INLINE_TURNS: 0, AGAIN: 0 } as const;

/** Settlement: with agents that restart and hosts that die; with more jobs of less; with reports. */
const FAULTS = { COMMANDS: 4, JOBS: 3, RESTARTS: 1, DEATHS: 1 } as const;
const REPORTS = { COMMANDS: 3, JOBS: 2, RESTARTS: 1, DEATHS: 0, REPORTS: true } as const;

/** Assertions by a part of their text, as pan prints it. */
const TWICE = "committed&n_effects";
const UNSENT = "effects& ~(sent)";
const LOST = "committed& ~(sent)";
const REGISTER = "registered==newest";
const UNCOMMITTED = "committed&(1<<n)";
/** Two copies, one that the record knows nothing of, or a stop that did nothing: which of them a search meets first tells nothing. */
const UNTRUE = "assertion violated";

export const RUNS: readonly Run[] = [
  ...holds("turns.pml", { "turns, loads apart": APART, "turns, inline": INLINE }),
  ...holds("turns.pml", { "turns, dead letters": DEAD }),
  ...holds("settlement.pml", { "settlement, faults": FAULTS, "settlement, reports": REPORTS }),
  breaks("turns.pml", "VERSION", INLINE, TWICE),
  breaks("turns.pml", "APPLIED", INLINE, TWICE),
  breaks("turns.pml", "JOB_RECORD", APART, TWICE),
  breaks("turns.pml", "JOBS_LAST", APART, TWICE),
  breaks("turns.pml", "LOOK", { ...APART, AGAIN: 0 }, REGISTER),
  breaks("turns.pml", "REVISION", { ...APART, AGAIN: 0 }, REGISTER),
  breaks("turns.pml", "FLUSH", INLINE, UNSENT),
  breaks("turns.pml", "INLINE_FLUSH", INLINE, UNSENT),
  breaks("turns.pml", "EVERY", INLINE, LOST),
  breaks("turns.pml", "WAKE", INLINE, LOST),
  breaks("turns.pml", "SENDING_FIRST", { INLINE_TURNS: 0, AGAIN: 0 }, LOST),
  breaks("turns.pml", "COMMIT_FIRST", INLINE, UNCOMMITTED),
  breaks("turns.pml", "PROVING", DEAD, UNSENT),
  breaks("settlement.pml", "EPOCH", FAULTS, UNTRUE),
  breaks("settlement.pml", "BOOT", FAULTS, UNTRUE),
  breaks("settlement.pml", "SETTLEMENT", FAULTS, UNTRUE),
  breaks("settlement.pml", "BUSY", FAULTS, UNTRUE),
  breaks("settlement.pml", "STALE", FAULTS, UNTRUE),
  breaks("settlement.pml", "UNKNOWN", FAULTS, UNTRUE),
  breaks("settlement.pml", "SOURCE_FIRST", FAULTS, UNTRUE),
  breaks("settlement.pml", "TARGET", FAULTS, UNTRUE),
  breaks("settlement.pml", "KEEPING", { ...FAULTS, COMMANDS: 5 }, UNTRUE),
  breaks("settlement.pml", "EVIDENCE", { ...REPORTS, COMMANDS: 4, RESTARTS: 0 }, UNTRUE),
];

function holds(
  model: Run["model"],
  bounds: Readonly<Record<string, Run["defines"]>>,
): readonly Run[] {
  return Object.entries(bounds).map(([name, defines]) => ({
    name,
    model,
    defines,
    expect: { holds: true },
  }));
}

function breaks(model: Run["model"], rule: string, bounds: Run["defines"], text: string): Run {
  const name = `${model.replace(".pml", "")}, without ${rule.toLowerCase().replaceAll("_", " ")}`;
  return {
    name,
    model,
    defines: { ...bounds, [`WITHOUT_${rule}`]: true },
    expect: { breaks: text },
  };
}
