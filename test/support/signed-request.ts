/** A host's signed requests, as an HTTP API hands them to a function. */
import type { KeyObject } from "node:crypto";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { signRequest } from "../../shared/http/message-signature.ts";
import { type Operation, ROUTES } from "../../shared/model/routes.ts";
import { T0 } from "./a-record.ts";
import { aRequestTo } from "./http-event.ts";
import { aReport } from "./joined-host.ts";

export const NOW_SECONDS = T0 / 1000;

type Signer = { readonly hostId: string; readonly privateKey: KeyObject };
type Sent = {
  readonly host?: string;
  readonly body?: object | string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly createdSeconds?: number;
};

/** A request signed by one host, to the path of the same or another. */
export function signedRequest(
  signer: Signer,
  operation: Operation,
  sent: Sent = {},
): APIGatewayProxyEventV2 {
  const { host = signer.hostId, body = aReport() } = sent;
  const isText = typeof body === "string" || body instanceof Uint8Array;
  const bytes = Buffer.from(isText ? body : JSON.stringify(body));
  const signature = signRequest({
    method: "POST",
    url: ROUTES[operation].path.replace("{hostId}", host),
    body: bytes,
    keyId: signer.hostId,
    privateKey: signer.privateKey,
    createdSeconds: sent.createdSeconds ?? NOW_SECONDS,
  });
  const headers = { ...signature, ...sent.headers };
  return aRequestTo(operation, {
    params: { hostId: host },
    body: new Uint8Array(bytes),
    headers: { "content-type": "application/json", ...headers },
  });
}
