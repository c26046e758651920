/** Why the local stack cannot start, in one line for whoever started it; exit 1. Anything else that is thrown is a bug. */
export class StartError extends Error {
  override readonly name = "StartError";
}
