/** Ports of which one call fails, once: before it takes effect, or after, as a lost answer or the death of its caller. */
import type { Ports } from "../../shared/app/ports.ts";

export type Cut = { readonly call: number; readonly when: "before" | "after" };

const NETWORK = [
  "apartments",
  "submissions",
  "jobs",
  "hosts",
  "placement",
  "apartmentQueue",
  "bus",
  "incidents",
  "events",
  "interests",
] as const satisfies readonly (keyof Ports)[];

export class CutError extends Error {}

/** `cut.call` counts from 0, over all ports. `name` is that of the call that failed, once it has. */
export function cutOnce<D extends Ports>(
  deps: D,
  cut: Cut,
): { readonly deps: D; readonly name: () => string | undefined } {
  let calls = 0;
  let name: string | undefined;
  const cutting = <P extends object>(port: P, portName: string): P =>
    new Proxy(port, {
      get: (target, method, receiver) => {
        const found: unknown = Reflect.get(target, method, receiver);
        if (typeof found !== "function") return found;
        return async (...args: readonly unknown[]) => {
          const isCut = calls === cut.call;
          calls += 1;
          if (isCut) name = `${portName}.${String(method)}`;
          if (isCut && cut.when === "before") throw new CutError(`${name} was cut`);
          const answer: unknown = await Reflect.apply(found, target, args);
          if (isCut) throw new CutError(`the answer of ${name} was cut`);
          return answer;
        };
      },
    });
  const ports = Object.fromEntries(NETWORK.map((port) => [port, cutting(deps[port], port)]));
  return { deps: { ...deps, ...ports }, name: () => name };
}
