/** Errors at the HTTP edge: RFC 9457 problem documents with the stable codes of the contract. */
import * as z from "zod/mini";

/** Every code with its status and title. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: "The request does not match the schema" },
  unauthenticated: { status: 401, title: "No valid credential" },
  forbidden: { status: 403, title: "The credential may not do this" },
  vm_not_found: { status: 404, title: "No such VM" },
  job_not_found: { status: 404, title: "No such job" },
  host_not_found: { status: 404, title: "No such host" },
  incident_not_found: { status: 404, title: "No such incident" },
  token_not_found: { status: 404, title: "No such token" },
  route_not_found: { status: 404, title: "No such route" },
  method_not_allowed: { status: 405, title: "The route does not take this method" },
  vm_state_conflict: { status: 409, title: "The VM's state does not allow this" },
  idempotency_conflict: { status: 409, title: "The key was used for another request" },
  vm_exists: { status: 409, title: "The VM exists" },
  host_exists: { status: 409, title: "The host exists" },
  host_not_empty: { status: 409, title: "The host still has VMs" },
  host_not_up: { status: 409, title: "The host is not up" },
  stale_boot: { status: 409, title: "Another boot of this agent has the session" },
  payload_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body's media type is not taken" },
  no_capacity: { status: 422, title: "No host is up" },
  apartment_full: { status: 429, title: "Too many jobs wait for this VM" },
  rate_limited: { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "Internal error" },
  unavailable: { status: 503, title: "A dependency does not answer" },
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

/** The body of an error. */
export const ProblemDocument = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
});
export type ProblemDocument = z.infer<typeof ProblemDocument>;

/** An expected refusal, as a value: what a use case answers instead of throwing. */
export type Refusal = {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly detail: string;
  /** Extra members of the problem document. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
};
export type Answer<T> = { readonly ok: true; readonly value: T } | Refusal;

/** Shorthand for a refusal. */
export function refuse(
  code: ProblemCode,
  detail: string,
  extra?: Readonly<Record<string, unknown>>,
): Refusal {
  return extra === undefined ? { ok: false, code, detail } : { ok: false, code, detail, extra };
}
