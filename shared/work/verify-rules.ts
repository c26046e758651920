/**
 * Every out-of-band rule: what becomes of a VM in a state, by what its recorded host answers and what others do (contract,
 * "Reports"; `reference/cloudstack.md` §5.2, §5.3, §13 C). One table, total; `vm-verify.ts` does what it says.
 *
 *  R1 Off is what a host says that was asked, never absence or silence: who cannot be asked makes the VM `Unknown`.
 *  R2 Nothing is taken from a host that may still have the VM: it moves only when its own host says that it has it no longer.
 *  R3 Two that have it may be a migration: only when that lasts is it a split brain, and then nothing flips.
 *  R4 What a state says of the past decides what is out of band: a VM that was being started is not "powered on behind our
 *     back". `Unknown` is judged by the state before it.
 */
import type { IncidentKind } from "../model/incident.ts";
import type { VmState } from "../model/vm.ts";

/** What a host answers when it is asked. `missing`: it knows no such VM; `silent`: it cannot be asked. */
export type Said = "on" | "paused" | "off" | "crashed" | "missing" | "unknown" | "silent";
/** The recorded host's answer; `nowhere`: none is recorded. */
export type Here = Said | "nowhere";
/**
 * What the others that were asked come to. `several` of them have it; one has it `on` or `paused`; none says so, but one
 * does not know or cannot be asked; `nothing`: none has it, or none was to be asked.
 */
export type There = "nothing" | "on" | "paused" | "several" | "unknown" | "silent";

export type Verdict =
  /** It is on, or paused, there; with the incident, if nobody here had wanted that. */
  | {
      readonly kind: "has_it";
      readonly where: "here" | "there";
      readonly state: "Running" | "Suspended";
      readonly incident?: Extract<IncidentKind, "out_of_band_power_on" | "out_of_band_migration">;
    }
  /** It is off and was not to be: Stopped, or for HA. */
  | { readonly kind: "lost" }
  /** It is off: Stopped. */
  | { readonly kind: "off" }
  /** It is off, as its state says: that stays. */
  | { readonly kind: "stays" }
  /** R3 */
  | { readonly kind: "twice" }
  /** On though nobody wants it any more: powered off. */
  | { readonly kind: "zombie" }
  /** Asked again for a while, as it may be moving, or about to be on or off; at last: */
  | { readonly kind: "unsure"; readonly atLast: Verdict }
  /** Its host does not know it, and it may turn up elsewhere: asked again for as long as another takes to say so. */
  | { readonly kind: "vanished"; readonly atLast: Verdict }
  /** Nobody can say: `Unknown`, tried again later. */
  | { readonly kind: "unheard" };

export type Rules = Readonly<Record<There, Readonly<Record<Here, Verdict>>>>;

const UNHEARD: Verdict = { kind: "unheard" };
const MAYBE: Verdict = { kind: "unsure", atLast: UNHEARD };
const TWICE: Verdict = { kind: "twice" };
const STAYS: Verdict = { kind: "stays" };
const ZOMBIE: Verdict = { kind: "zombie" };

type Past = {
  /** What it means that it is off everywhere. */
  readonly off: Verdict;
  /** The incident of finding it on where it is recorded, and elsewhere. */
  readonly on?: "out_of_band_power_on";
  readonly moved?: "out_of_band_power_on" | "out_of_band_migration";
};

/** R4: one shape; what the state says of the past is put in. */
function rulesOf({ off, on, moved }: Past): Rules {
  const here = (state: "Running" | "Suspended"): Verdict => ({
    kind: "has_it",
    where: "here",
    state,
    ...(on === undefined ? {} : { incident: on }),
  });
  const there = (state: "Running" | "Suspended"): Verdict => ({
    kind: "has_it",
    where: "there",
    state,
    ...(moved === undefined ? {} : { incident: moved }),
  });
  const vanished: Verdict = off.kind === "stays" ? off : { kind: "vanished", atLast: off };
  const elsewhere = (state: "Running" | "Suspended"): Rules["on"] => ({
    on: TWICE,
    paused: TWICE,
    off: there(state), // R2
    crashed: there(state),
    missing: there(state),
    unknown: MAYBE,
    silent: UNHEARD, // R2
    nowhere: there(state),
  });
  const doubtful = (doubt: Verdict): Rules["unknown"] => ({
    on: here("Running"),
    paused: doubt === UNHEARD ? here("Suspended") : { kind: "unsure", atLast: here("Suspended") },
    off: doubt,
    crashed: doubt,
    missing: doubt,
    unknown: MAYBE,
    silent: UNHEARD,
    nowhere: doubt,
  });
  return {
    nothing: {
      on: here("Running"),
      paused: here("Suspended"),
      off,
      crashed: off,
      missing: vanished,
      unknown: MAYBE,
      silent: UNHEARD, // R1
      nowhere: off,
    },
    on: elsewhere("Running"),
    paused: elsewhere("Suspended"),
    several: {
      on: TWICE,
      paused: TWICE,
      off: TWICE,
      crashed: TWICE,
      missing: TWICE,
      unknown: TWICE,
      silent: TWICE,
      nowhere: TWICE,
    },
    unknown: doubtful(MAYBE),
    silent: doubtful(UNHEARD),
  };
}

const LATER: Verdict = { kind: "unsure", atLast: STAYS };
/** Nobody wants it: it stays what it is, and whoever has it powers it off. */
const UNWANTED: Rules["nothing"] = {
  on: ZOMBIE,
  paused: ZOMBIE,
  off: STAYS,
  crashed: STAYS,
  missing: STAYS,
  unknown: LATER,
  silent: STAYS,
  nowhere: STAYS,
};
const WANTED_ELSEWHERE: Rules["on"] = {
  on: ZOMBIE,
  paused: ZOMBIE,
  off: ZOMBIE,
  crashed: ZOMBIE,
  missing: ZOMBIE,
  unknown: ZOMBIE,
  silent: ZOMBIE,
  nowhere: ZOMBIE,
};
const GONE: Rules = {
  nothing: UNWANTED,
  on: WANTED_ELSEWHERE,
  paused: WANTED_ELSEWHERE,
  several: WANTED_ELSEWHERE,
  unknown: { ...UNWANTED, off: LATER, crashed: LATER, missing: LATER, nowhere: LATER },
  silent: UNWANTED,
};

const WAS_ON = rulesOf({ off: { kind: "lost" }, moved: "out_of_band_migration" });
const WAS_OFF = rulesOf({
  off: STAYS,
  on: "out_of_band_power_on",
  moved: "out_of_band_power_on",
});
const MIDWAY = rulesOf({ off: { kind: "off" } });

/** The table. A state without its rules does not compile. */
export const RULES: Readonly<Record<VmState, Rules>> = {
  Running: WAS_ON,
  Suspended: WAS_ON,
  /** Its job died: wherever it is now is no surprise, but off is. */
  Migrating: rulesOf({ off: { kind: "lost" } }),
  Starting: MIDWAY,
  Stopping: MIDWAY,
  Unknown: MIDWAY,
  Stopped: WAS_OFF,
  Error: WAS_OFF,
  Destroyed: GONE,
  Expunging: GONE,
};
