/**
 * One HTTP server on 127.0.0.1 that speaks SQS (awsJson1.0), EventBridge (awsJson1.1) and STS (query) to unmodified SDK
 * clients. Signatures are not verified; access keys and session tokens are (credentials.ts).
 *
 * W1 Who calls is known before anything is read of the request's meaning.
 * W2 A body is at most `BODY_BYTES_MAX`; more is refused without being kept.
 * W3 Only a failure of the store answers 500; the SDKs try that again.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { BusEngine } from "../engine/bus-engine.ts";
import type { EngineClock } from "../engine/clock.ts";
import type { QueueEngine } from "../engine/queue-engine.ts";
import { requestBody } from "../request-body.ts";
import type { Caller, Credentials } from "./credentials.ts";
import { callEvents } from "./events-service.ts";
import { callSqs, type ServiceCall } from "./sqs-service.ts";
import { callSts, stsError } from "./sts-service.ts";
import {
  malformed,
  refuse,
  unknownOperation,
  type WireAnswer,
  type WireError,
} from "./wire-error.ts";

export interface WireServerProps {
  /** 0: any free one. Queue URLs carry it, so a stack that keeps them needs the same one each time. */
  readonly port: number;
  readonly accountId: string;
  readonly clock: EngineClock;
  readonly credentials: Credentials;
  readonly queues: QueueEngine;
  readonly bus: BusEngine;
  /** Told of what answered 500. */
  readonly onError: (error: unknown) => void;
}

export interface WireServer {
  /** `http://127.0.0.1:<port>`: the endpoint of SQS, EventBridge and STS. */
  readonly origin: string;
  readonly queueUrlOf: (queueName: string) => string;
  /** Ends open long polls and connections. */
  readonly close: () => Promise<void>;
}

/** A batch of 1 MiB, each of its characters escaped as JSON may (`\u0000`), and what is around it. */
const BODY_BYTES_MAX = 8 * 1_048_576;

/** Longer than SDK clients keep a connection idle, so that none is closed just as it is used again. */
const KEEP_ALIVE_MS = 75_000;

/** Rejects where the port is taken. */
export async function startWireServer(props: WireServerProps): Promise<WireServer> {
  const closing = new AbortController();
  let origin = "";
  const queueUrlOf = (queueName: string) => `${origin}/${props.accountId}/${queueName}`;
  const server = createServer((request, response) => {
    handle({ ...props, queueUrlOf, closing: closing.signal }, request, response).catch(
      (error: unknown) => {
        if (!request.readableAborted) props.onError(error); // a client that hung up is no error
        response.destroy();
      },
    );
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(props.port, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("the wire server has no port");
  origin = `http://127.0.0.1:${address.port}`;
  return {
    origin,
    queueUrlOf,
    close: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Site extends WireServerProps {
  readonly queueUrlOf: (queueName: string) => string;
  readonly closing: AbortSignal;
}

async function handle(
  site: Site,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await requestBody(request, BODY_BYTES_MAX);
  if (bytes === undefined) {
    response.writeHead(413, { connection: "close" }).end(); // W2
    return;
  }
  const body = bytes.toString("utf8");
  const target = request.headers["x-amz-target"];
  if (target === undefined) {
    const { status, xml } = answerQuery(site, request, body);
    response.writeHead(status, { "content-type": "text/xml" }).end(xml);
    return;
  }
  const gone = () => AbortSignal.any([hungUp(response), site.closing]);
  const answer = await answerJson(site, request, { target: String(target), body, gone });
  const contentType = request.headers["content-type"] ?? "application/x-amz-json-1.0";
  writeJson(response, answer, contentType);
}

function hungUp(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}

type JsonCall = {
  readonly target: string;
  readonly body: string;
  readonly gone: ServiceCall["gone"];
};

async function answerJson(
  site: Site,
  request: IncomingMessage,
  call: JsonCall,
): Promise<WireAnswer> {
  const identified = callerOf(site, request); // W1
  if ("status" in identified) return refuse(identified);
  let body: unknown;
  try {
    body = JSON.parse(call.body === "" ? "{}" : call.body);
  } catch {
    return refuse(malformed("The body is not JSON."));
  }
  const [service, operation = ""] = call.target.split(".");
  const { gone } = call;
  try {
    switch (service) {
      case "AmazonSQS": {
        const { queues: engine, queueUrlOf } = site;
        return await callSqs({ engine, queueUrlOf }, { operation, body, gone, ...identified });
      }
      case "AWSEvents":
        return await callEvents(site.bus, { operation, body, gone, ...identified });
      default:
        return refuse(unknownOperation(call.target));
    }
  } catch (error) {
    site.onError(error); // W3
    const message = "The request could not be kept.";
    return refuse({ status: 500, type: "InternalFailure", message, queryCode: "InternalError" });
  }
}

function answerQuery(site: Site, request: IncomingMessage, body: string) {
  const identified = callerOf(site, request); // W1
  if ("status" in identified) {
    return stsError(identified.status, identified.queryCode ?? identified.type, identified.message);
  }
  const form = new URLSearchParams(body);
  return callSts(site, { form, now: site.clock.now(), ...identified });
}

function callerOf(site: Site, request: IncomingMessage): { readonly caller: Caller } | WireError {
  const identified = site.credentials.identify(request.headers, site.clock.now());
  switch (identified.status) {
    case "known":
      return { caller: identified.caller };
    case "missing":
      return denied("MissingAuthenticationToken", "Request is missing Authentication Token");
    case "unknown":
      return denied(
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
      );
    case "expired":
      return denied("ExpiredToken", "The security token included in the request is expired");
    default:
      return identified satisfies never;
  }
}

/** The JSON protocols have names of their own for what the query protocol calls otherwise. */
const DENIED_SHAPES: Readonly<Record<string, string>> = {
  InvalidClientTokenId: "UnrecognizedClientException",
  ExpiredToken: "ExpiredTokenException",
  MissingAuthenticationToken: "MissingAuthenticationTokenException",
};

function denied(code: string, message: string): WireError {
  const type = `com.amazon.coral.service#${DENIED_SHAPES[code] ?? code}`;
  return { status: 403, type, message, queryCode: code };
}

function writeJson(response: ServerResponse, answer: WireAnswer, contentType: string): void {
  const headers = { "content-type": contentType, "x-amzn-requestid": randomUUID() };
  if (answer.ok) {
    response.writeHead(200, headers).end(JSON.stringify(answer.body));
    return;
  }
  const { status, type, message, queryCode } = answer.error;
  const fault = status < 500 ? "Sender" : "Receiver";
  response
    .writeHead(status, {
      ...headers,
      ...(queryCode !== undefined && { "x-amzn-query-error": `${queryCode};${fault}` }),
    })
    .end(JSON.stringify({ __type: type, message }));
}
