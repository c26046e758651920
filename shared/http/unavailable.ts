/**
 * Tells "a dependency throttled or failed" (503, safe to retry) from a bug (500): the adapter that saw the failure has
 * marked it `transient` (`ServiceFailure`); here it is only found again, however deep it was wrapped on its way.
 */

/** Wrapping goes a few deep; a chain longer than this is a loop. */
const CAUSES_MAX = 8;

/** Whether an exception, or one that it was caused by, may be gone at the next try. */
export function isUnavailable(error: unknown, causesMax: number = CAUSES_MAX): boolean {
  if (!(error instanceof Error) || causesMax === 0) return false;
  if ("transient" in error && error.transient === true) return true;
  if (error instanceof AggregateError)
    return error.errors.some((inner) => isUnavailable(inner, causesMax - 1));
  return isUnavailable(error.cause, causesMax - 1);
}
