/** Ports that fail for a while: all calls of one of them, or of all. */
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface Outages {
  readonly isDown: (port: string) => boolean;
  readonly begin: (outage: Outage) => void;
  readonly endAll: () => void;
}

export type Outage = { readonly ports: readonly string[]; readonly lastsMs: number };

const PORTS: readonly string[] = [
  "apartments",
  "submissions",
  "jobs",
  "hosts",
  "placement",
  "apartmentQueue",
  "commandQueues",
  "bus",
  "incidents",
];
/** From a hiccup to what outlasts every retry in process. */
const OUTAGE_MS = { least: 2_000, most: 300_000 };
/** One outage in so many is of everything. */
const ALL_SHARE = 0.1;

export function outagesOf(time: Pick<VirtualTime, "now">): Outages {
  const upAt = new Map<string, number>();
  return {
    isDown: (port) => (upAt.get(port) ?? 0) > time.now(),
    begin: ({ ports, lastsMs }) => {
      for (const port of ports) upAt.set(port, Math.max(upAt.get(port) ?? 0, time.now() + lastsMs));
    },
    endAll: () => upAt.clear(),
  };
}

export function drawOutage(random: Random): Outage {
  const lastsMs = random.int(OUTAGE_MS.least, OUTAGE_MS.most);
  return { ports: random.chance(ALL_SHARE) ? PORTS : [random.pick(PORTS)], lastsMs };
}
