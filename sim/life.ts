/**
 * A process that may be killed, and what acts for it.
 *
 *  1. A dead process asks nothing, and hears nothing of what it asked. What it had asked for goes on.
 */
import type { World } from "./world.ts";

export type Life = {
  isOver: boolean;
  /** It ended by itself, in the middle of something: whoever runs it starts it again. */
  readonly died: () => void;
};

/** A call at which the process may die: before it, in the middle of it, or when it has just taken effect. */
export function mayDie<T>(world: World, life: Life, call: () => Promise<T>): Promise<T> {
  if (life.isOver) return never();
  const { faults } = world;
  if (!faults.strikes("agent-dies")) return answerTo(life, call());
  const die = () => {
    if (life.isOver) return;
    life.isOver = true;
    life.died();
  };
  const when = faults.draw("agent-dies").pick(["before", "during", "after"] as const);
  const done = when === "before" ? undefined : call();
  if (when === "after") void done?.then(die, die);
  else {
    void done?.catch(() => {});
    die();
  }
  return never();
}

/** A port as a process has it (1). `listening` are its methods that answer at once. */
export function whileAlive<P extends object>(
  world: World,
  life: Life,
  { port, listening }: { readonly port: P; readonly listening: readonly (keyof P)[] },
): P {
  const atOnce = new Set<PropertyKey>(listening);
  return new Proxy(port, {
    get: (target, name, receiver) => {
      const found: unknown = Reflect.get(target, name, receiver);
      if (typeof found !== "function") return found;
      return (...args: unknown[]) => {
        const heard = args.map((arg) => muted(life, arg));
        const call = () => Reflect.apply(found, target, heard);
        return atOnce.has(name) ? call() : mayDie(world, life, call);
      };
    },
  });
}

/** The answer, if somebody is left to hear it. */
export function answerTo<T>(life: Life, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    answer.then(
      (value) => {
        if (!life.isOver) resolve(value);
      },
      (error: unknown) => {
        if (!life.isOver) reject(error);
      },
    );
  });
}

/** A listener of a dead process hears nothing. */
function muted(life: Life, arg: unknown): unknown {
  if (typeof arg !== "function") return arg;
  return (...given: unknown[]) => (life.isOver ? undefined : Reflect.apply(arg, undefined, given));
}

function never(): Promise<never> {
  return new Promise(() => {});
}
