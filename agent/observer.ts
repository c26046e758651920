/**
 * Looks at the hypervisor one at a time, and numbers what was seen.
 *
 *  1. Looks do not overlap, so the order of their numbers is the order in time of what they saw. With a number taken
 *     before or after looks that overlap, the control plane could take the older sight for the newer one.
 *  2. One counter for reports and results, growing for the life of the process: every boot's numbers grow.
 */

export type Numbered<T> = { readonly seq: number; readonly seen: T };

export interface Observer {
  readonly observe: <T>(look: () => Promise<T>) => Promise<Numbered<T>>;
  /** A number for something said without looking. */
  readonly nextSeq: () => number;
}

export function observer(): Observer {
  let seq = 0;
  let last: Promise<unknown> = Promise.resolve();
  const nextSeq = () => {
    seq += 1;
    return seq;
  };
  return {
    nextSeq,
    observe: (look) => {
      const numbered = last.then(async () => ({ seq: nextSeq(), seen: await look() }));
      last = numbered.catch(() => {});
      return numbered;
    },
  };
}
