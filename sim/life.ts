/**
 * A process that may be killed, and what acts for it.
 *
 *  1. A dead process asks nothing, and hears nothing of what it asked.
 */

/** Shared with everything that acts for a process. */
export type Life = { isOver: boolean };

/** A port as a process has it (1). */
export function whileAlive<P extends object>(port: P, life: Life): P {
  return new Proxy(port, {
    get: (target, name, receiver) => {
      const found: unknown = Reflect.get(target, name, receiver);
      if (typeof found !== "function") return found;
      return (...args: unknown[]) => {
        if (life.isOver) return new Promise(() => {});
        const alive = args.map((arg) =>
          typeof arg === "function"
            ? (...given: unknown[]) =>
                life.isOver ? undefined : Reflect.apply(arg, undefined, given)
            : arg,
        );
        const answer: unknown = Reflect.apply(found, target, alive);
        return answer instanceof Promise ? answerTo(life, answer) : answer;
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
