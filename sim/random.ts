/**
 * Randomness from the seed alone. Each subject has a stream of its own, so that leaving one fault out changes nothing of
 * what another draws: that is what makes a failing seed shrink.
 */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

export interface Random {
  /** From 0 to below 1. */
  readonly next: () => number;
  /** A whole number, both ends included. */
  readonly int: (low: number, high: number) => number;
  /** Exponentially distributed: the wait for what happens once in so long. */
  readonly wait: (meanMs: number) => number;
  readonly chance: (probability: number) => boolean;
  /** Throws if there is nothing to choose from. */
  readonly pick: <T>(items: readonly T[]) => T;
}

/** What a subject draws under a seed. */
export function randomOf(seed: number, subject: string): Random {
  const generator = xoroshiro128plusFromState(stateOf(hashOf(`${seed} ${subject}`)));
  const next = () => uniformFloat64(generator);
  return {
    next,
    int: (low, high) => uniformInt(generator, low, high),
    wait: (meanMs) => Math.ceil(-Math.log(1 - next()) * meanMs),
    chance: (probability) => probability > 0 && next() < probability,
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new Error("nothing to choose from");
      return item;
    },
  };
}

/** The generator's own seeding leaves its first numbers alike for seeds that are: what is mixed (splitmix32) is not. */
function stateOf(hash: number): readonly number[] {
  let mixed = hash;
  return Array.from({ length: 4 }, () => {
    mixed = (mixed + 0x9e3779b9) | 0;
    let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return (word ^ (word >>> 15)) | 0;
  });
}

/** FNV-1a, 32 bits: spreads names over seeds; nothing here needs more. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}
