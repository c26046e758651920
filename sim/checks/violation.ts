/** An invariant that broke, by its name. */

export type Invariant =
  | "A1"
  | "A2"
  | "A3"
  | "A4"
  | "A5"
  | "A6"
  | "A7"
  | "A8"
  | "A9"
  /** A VM runs at two hosts. */
  | "two_copies"
  /** What a commit said was to be done was done twice, or counted twice. */
  | "once"
  /** A state comes from what hosts said earlier, or did not say. */
  | "evidence"
  /** The record says what is not so. */
  | "truth"
  /** Room is held that nobody has, or is not held that somebody has, or is given back where the VM is. */
  | "room"
  | "incidents"
  /** What was told to a job that listens did not wake it; or what listens is no job any more. */
  | "wake_up";

export type Violation = { readonly invariant: Invariant; readonly detail: string };

/** Raises a violation. */
export type Broken = (invariant: Invariant, detail: string) => void;
