/** The peers' workload for the stack that a benchmark starts (`vm-two-steps.ts`). */
export const TWO_STEPS_WORK = { file: "bench/support/vm-two-steps.ts", name: "vmTwoSteps" };
