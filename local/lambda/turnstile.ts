/** Lets so many through at a time; the others wait, first come, first served. */
export interface Turnstile {
  readonly pass: <T>(work: () => Promise<T>) => Promise<T>;
}

export function turnstile(atATime: number): Turnstile {
  const waiting: (() => void)[] = [];
  let free = atATime;
  return {
    pass: async (work) => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
