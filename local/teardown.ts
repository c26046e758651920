/** Taking down what was made, in the opposite order: at a stop, and when making it failed half-way. */
export interface Teardown {
  /** `end` is called once, before the ends that were given earlier. */
  readonly defer: (end: () => unknown) => void;
  /** Calls every end, also when one throws; then throws the first that was thrown. */
  readonly run: () => Promise<void>;
}

export function teardown(): Teardown {
  const ends: (() => unknown)[] = [];
  return {
    defer: (end) => ends.push(end),
    run: async () => {
      const thrown: unknown[] = [];
      for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
        try {
          await end();
        } catch (error) {
          thrown.push(error);
        }
      }
      if (thrown.length > 0) throw thrown[0];
    },
  };
}

/** What `make` made; if it throws, what it had made until then is taken down first. */
export async function orTakenDown<T>(
  down: Teardown,
  make: (down: Teardown) => Promise<T>,
): Promise<T> {
  try {
    return await make(down);
  } catch (error) {
    await down.run().catch(() => {}); // The first failure is the one to tell.
    throw error;
  }
}
