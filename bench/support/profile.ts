/** CPU profiles of a process's threads, and whose code their time went into. */
import { readdirSync, readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { rounded, sum } from "./figures.ts";

const Profile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
      children: z.optional(z.array(z.number())),
    }),
  ),
  /** Microseconds of the clock that `process.hrtime` reads, too. */
  startTime: z.number(),
  /** Ids of nodes. */
  samples: z.array(z.number()),
  /** Microseconds, before each of the samples. */
  timeDeltas: z.array(z.number()),
});
type Profile = z.infer<typeof Profile>;

/** From a sample's own frame outwards, the first that tells: native code is its caller's. */
const OWNERS: readonly (readonly [owner: string, tells: RegExp])[] = [
  ["SDK", /@(aws-sdk|smithy)\//],
  ["functions' bundles", /\/asset\.[^/]*\/|\/cdk\.out/],
  ["local stack", /\/(local|shared\/memory|shared\/http)\//],
  ["agents, benchmark", /\/(agent|bench|test|shared)\//],
  ["Node", /^node:/],
];
const COLLECTOR = "garbage collection";
const UNKNOWN = "native code that nobody is seen to have called";
const OUTSIDE: Readonly<Record<string, string | undefined>> = {
  "(garbage collector)": COLLECTOR,
  "(idle)": undefined,
};

/** What each thread that is given these options for Node writes when it ends. */
export function profileInto(folder: string): readonly string[] {
  return ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=500"];
}

/** Microseconds: where a span of profiles begins, or ends. */
export function profileMark(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export type Span = { readonly from: number; readonly to: number };
/** Percent of the time in which something ran. */
export type Shares = Readonly<Record<string, number>>;

export function sharesOf(folder: string, span: Span): Shares {
  const profiles = readdirSync(folder).map((name) =>
    Profile.parse(JSON.parse(readFileSync(join(folder, name), "utf8"))),
  );
  return percent(profiles.flatMap((profile) => owned(profile, span)));
}

/** Of the thread that calls it, until what it answers is called. */
export async function profileHere(): Promise<() => Promise<Shares>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.start");
  return async () => {
    const { profile } = await session.post("Profiler.stop");
    session.disconnect();
    return percent(owned(Profile.parse(profile), { from: 0, to: Number.POSITIVE_INFINITY }));
  };
}

type Owned = { readonly owner: string; readonly time: number };

function owned(profile: Profile, { from, to }: Span): readonly Owned[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  );
  const ownerOf = (id: number): string | undefined => {
    const own = nodes.get(id)?.callFrame.functionName ?? "";
    if (Object.hasOwn(OUTSIDE, own)) return OUTSIDE[own];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const { url = "" } = nodes.get(at)?.callFrame ?? {};
      const found = OWNERS.find(([, tells]) => tells.test(url));
      if (found !== undefined) return found[0];
    }
    return UNKNOWN;
  };
  const owners = new Map([...nodes.keys()].map((id) => [id, ownerOf(id)]));
  let at = profile.startTime;
  return profile.samples.flatMap((id, n) => {
    const time = profile.timeDeltas[n] ?? 0;
    at += time;
    const owner = owners.get(id);
    return owner === undefined || at < from || at > to ? [] : [{ owner, time }];
  });
}

function percent(all: readonly Owned[]): Shares {
  const whole = sum(all.map(({ time }) => time));
  const byOwner = new Map<string, number>();
  for (const { owner, time } of all) byOwner.set(owner, (byOwner.get(owner) ?? 0) + time);
  const sorted = [...byOwner].toSorted(([, one], [, other]) => other - one);
  return Object.fromEntries(sorted.map(([owner, time]) => [owner, rounded((100 * time) / whole)]));
}
