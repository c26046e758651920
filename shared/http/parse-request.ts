/** A request against its route's schemas. */
import * as z from "zod/mini";
import { type Answer, refuse } from "../model/problem.ts";
import type { Route } from "../model/routes.ts";

/** More than this many errors teach nobody anything. */
const ERRORS_MAX = 50;
/** 1 to 128 visible characters (contract). */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,128}$/;

type Schemas = Pick<Route, "params" | "query" | "body">;
type FieldError = { readonly path: string; readonly message: string };

/** A route's schemas, applied. */
export type PartsOf<R extends Schemas> = {
  readonly params: z.infer<R["params"]>;
  readonly query: z.infer<R["query"]>;
  readonly body: z.infer<R["body"]>;
};

/**
 * The parsed parts, or every field that does not match, named. A path is a body's (`spec.cpus`) or the name of a
 * parameter; no route has one name twice.
 */
export function parseRequest<R extends Schemas>(
  route: R,
  raw: { readonly params: unknown; readonly query: unknown; readonly body: unknown },
): Answer<PartsOf<R>> {
  const params = z.safeParse<R["params"]>(route.params, raw.params);
  const query = z.safeParse<R["query"]>(route.query, raw.query);
  const body = z.safeParse<R["body"]>(route.body, raw.body);
  if (params.success && query.success && body.success)
    return { ok: true, value: { params: params.data, query: query.data, body: body.data } };
  return refuseFields(
    [params, query, body].flatMap((part) => (part.success ? [] : fieldErrors(part.error))),
  );
}

/** The key that a POST was given; a malformed one is refused, as it would not do what it was given for. */
export function parseIdempotencyKey(header: string | undefined): Answer<string | undefined> {
  return header === undefined || IDEMPOTENCY_KEY.test(header)
    ? { ok: true, value: header }
    : refuseFields([{ path: "Idempotency-Key", message: "1 to 128 visible characters" }]);
}

function refuseFields(errors: readonly FieldError[]) {
  const named = errors.slice(0, ERRORS_MAX);
  const [first] = named;
  const detail =
    first === undefined
      ? "not valid"
      : `${first.path === "" ? "body" : first.path}: ${first.message}`;
  return refuse("invalid_request", detail, { errors: named });
}

/** An unknown field is an error of its own, at its own path. */
function fieldErrors(error: z.core.$ZodError): readonly FieldError[] {
  return error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
          path: [...issue.path, key].join("."),
          message: "unknown field",
        }))
      : [{ path: issue.path.join("."), message: issue.message }],
  );
}
