/** What an `Idempotency-Key` was used for. */
import { createHash } from "node:crypto";

/**
 * SHA-256 (hex) of method, path and parsed body: the same for bodies that differ in the order of their fields or in
 * white space. No body and an empty one are the same request.
 */
export function requestHash(request: {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}): string {
  const text = `${request.method} ${request.path}\n${canonicalJson(request.body ?? {})}`;
  return createHash("sha256").update(text).digest("hex");
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
