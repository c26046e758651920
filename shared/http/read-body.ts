/** A request's body: the bytes that came, and the JSON that they hold. */
import { gunzipSync } from "node:zlib";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { type Answer, refuse } from "../model/problem.ts";
import { BODY_BYTES_MAX } from "../model/routes.ts";

/**
 * The largest report unpacked: 2,000 VMs (contract) at 36 characters of id, 64 + 64 of name and detail of up to three
 * bytes each, and about 70 of field names. It may come as gzip, whose own bytes are bounded as any body's.
 */
export const REPORT_UNPACKED_BYTES_MAX = 1024 * 1024;
/** No schema of ours nests deeper than a fraction of this; what walks a body by recursion is safe below it. */
const JSON_DEPTH_MAX = 64;

/** The bytes as they came: what a signature's digest is of. */
export function bodyBytes(
  event: Pick<APIGatewayProxyEventV2, "body" | "isBase64Encoded">,
): Answer<Uint8Array> {
  const bytes = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8");
  return bytes.byteLength > BODY_BYTES_MAX
    ? refuse("payload_too_large", `the body has more than ${BODY_BYTES_MAX} bytes`)
    : { ok: true, value: bytes };
}

/** The body's JSON; nothing at all is `undefined`, and for the route's schema to judge. */
export function readJson(
  bytes: Uint8Array,
  headers: Readonly<Record<string, string | undefined>>,
  unpackedBytesMax: number,
): Answer<unknown> {
  if (bytes.byteLength === 0) return { ok: true, value: undefined };
  if (!/^application\/json\s*(;|$)/i.test(headers["content-type"]?.trim() ?? ""))
    return refuse("unsupported_media_type", "the body must be application/json");
  const unpacked = unpack(bytes, headers["content-encoding"], unpackedBytesMax);
  return unpacked.ok ? parseJson(unpacked.value) : unpacked;
}

function unpack(
  bytes: Uint8Array,
  encoding: string | undefined,
  unpackedBytesMax: number,
): Answer<Uint8Array> {
  switch (encoding?.trim().toLowerCase() ?? "identity") {
    case "identity":
      return { ok: true, value: bytes };
    case "gzip":
      return gunzip(bytes, unpackedBytesMax);
    default:
      return refuse("unsupported_media_type", "the content encoding must be gzip, or none");
  }
}

function gunzip(bytes: Uint8Array, unpackedBytesMax: number): Answer<Uint8Array> {
  try {
    return { ok: true, value: gunzipSync(bytes, { maxOutputLength: unpackedBytesMax }) };
  } catch (error) {
    return error instanceof RangeError
      ? refuse("payload_too_large", `the body has more than ${unpackedBytesMax} bytes unpacked`)
      : refuseBody("the body is not gzip");
  }
}

function parseJson(bytes: Uint8Array): Answer<unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isWithinDepth(value, JSON_DEPTH_MAX)
      ? { ok: true, value }
      : refuseBody(`the body nests deeper than ${JSON_DEPTH_MAX}`);
  } catch {
    // Neither the parser's words nor the decoder's: they quote the body, which may hold a secret.
    return refuseBody("the body is not JSON in UTF-8");
  }
}

function isWithinDepth(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((child) => isWithinDepth(child, depth - 1));
}

function refuseBody(message: string) {
  return refuse("invalid_request", message, { errors: [{ path: "", message }] });
}
