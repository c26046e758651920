/**
 * What operators ask of VMs, and how often beside the other things. A verb that this version does not have is not asked for:
 * its line is here before it is.
 */
import { registry } from "../shared/work/registry.ts";
import type { Errand } from "./errand-work.ts";
import { WORDS } from "./listening-work.ts";
import type { Random } from "./random.ts";

export type Wish = {
  readonly weight: number;
  readonly ask: (about: { readonly random: Random; readonly hosts: number }) => Asked;
};

export type Asked =
  | { readonly kind: "verb"; readonly verb: string; readonly body: unknown }
  /** One of the last jobs that were submitted. */
  | { readonly kind: "cancel"; readonly nthLast: number }
  | { readonly kind: "patch"; readonly haEnabled: boolean }
  | { readonly kind: "rename" }
  | { readonly kind: "pause"; readonly paused: boolean }
  /** A job that waits until the word is said; and saying it. */
  | { readonly kind: "await" | "say"; readonly word: number }
  /** A job that has others run and waits for them. */
  | { readonly kind: "errand"; readonly errand: Errand }
  /** One that is there already is refused. */
  | { readonly kind: "create"; readonly start: boolean; readonly haEnabled: boolean };

/** Small, and all alike: some hosts are full. */
export const SPEC = { cpus: 1, memoryMiB: 1_024 };

const DEVICE = { kind: "network", bridge: "br7" } as const;
/** So few names that they meet. */
const snapshotName = (random: Random) => `snapshot-${random.int(1, 2)}`;

const ALL: readonly Wish[] = [
  verb(8, "start", () => ({})),
  verb(2, "start", ({ random, hosts }) => ({ hostId: `host-${random.int(1, hosts)}` })),
  verb(3, "stop", () => ({})),
  verb(3, "stop", () => ({ forced: true })),
  verb(3, "stop", ({ random }) => ({ graceSeconds: random.int(0, 20), thenForce: true })),
  verb(3, "migrate", () => ({})),
  verb(1, "migrate", ({ random, hosts }) => ({ hostId: `host-${random.int(1, hosts)}` })),
  verb(2, "reboot", ({ random }) => ({ forced: random.chance(0.5) })),
  verb(1, "suspend", () => ({})),
  verb(2, "resume", () => ({})),
  verb(1, "scale", ({ random }) => ({ cpus: random.int(1, 2) })),
  verb(1, "snapshot", ({ random }) => ({ name: snapshotName(random) })),
  verb(1, "revert", ({ random }) => ({ snapshot: snapshotName(random) })),
  verb(1, "delete-snapshot", ({ random }) => ({ snapshot: snapshotName(random) })),
  verb(1, "attach", () => ({ device: DEVICE })),
  verb(1, "detach", () => ({ device: DEVICE })),
  verb(0.5, "destroy", ({ random }) => ({ forced: random.chance(0.5) })),
  verb(2, "recover", () => ({})),
  verb(0.3, "expunge", () => ({})),
  {
    weight: 0.3,
    ask: ({ random }) => ({
      kind: "create",
      start: random.chance(0.5),
      haEnabled: random.chance(0.5),
    }),
  },
  { weight: 0.5, ask: ({ random }) => ({ kind: "await", word: random.int(1, WORDS) }) },
  { weight: 2, ask: ({ random }) => ({ kind: "cancel", nthLast: random.int(1, 3) }) },
  { weight: 1, ask: ({ random }) => ({ kind: "patch", haEnabled: random.chance(0.5) }) },
  { weight: 1, ask: () => ({ kind: "rename" }) },
  { weight: 1, ask: ({ random }) => ({ kind: "pause", paused: random.chance(0.5) }) },
];

const WISHES = ALL.filter(({ weight }) => weight > 0);
const SUM = WISHES.reduce((sum, { weight }) => sum + weight, 0);

/** By weight. */
export function pickWish(random: Random): Wish {
  let left = random.next() * SUM;
  for (const wish of WISHES) {
    left -= wish.weight;
    if (left < 0) return wish;
  }
  throw new Error("there is nothing to wish for");
}

function verb(
  weight: number,
  name: string,
  body: (about: Parameters<Wish["ask"]>[0]) => unknown,
): Wish {
  return {
    weight: registry.has(`vm.${name}`) ? weight : 0,
    ask: (about) => ({ kind: "verb", verb: name, body: body(about) }),
  };
}
