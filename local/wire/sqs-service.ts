/** SQS on the wire: awsJson1.0 in, the queue engine, awsJson1.0 out, within what the caller may do. */
import * as z from "zod/mini";
import type { QueueRequest } from "../../shared/memory/queue-protocol.ts";
import type { QueueEngine } from "../engine/queue-engine.ts";
import type { Caller } from "./credentials.ts";
import { allows } from "./session-policy.ts";
import {
  isSqsOperation,
  type ReadRequest,
  readRequest,
  type SqsOperation,
} from "./sqs-requests.ts";
import { writeResponse } from "./sqs-responses.ts";
import {
  malformed,
  refuse,
  unknownOperation,
  type WireAnswer,
  type WireError,
} from "./wire-error.ts";

export interface SqsService {
  readonly engine: QueueEngine;
  readonly queueUrlOf: (queueName: string) => string;
}

export type ServiceCall = {
  readonly operation: string;
  readonly body: unknown;
  readonly caller: Caller;
  /** Aborted when the client is gone; made for who waits, as it costs more than many a call. */
  readonly gone: () => AbortSignal;
};

export async function callSqs(service: SqsService, call: ServiceCall): Promise<WireAnswer> {
  const { operation, body, caller, gone } = call;
  if (!isSqsOperation(operation)) return refuse(unknownOperation(operation));
  let read: ReadRequest;
  try {
    read = readRequest(operation, body, caller.accessKeyId);
  } catch (error) {
    if (error instanceof z.core.$ZodError) return refuse(malformed(z.prettifyError(error)));
    throw error;
  }
  const denied = deny(service, { caller, operation, request: read.request });
  if (denied) return refuse(denied);
  const response =
    read.request.action === "receiveMessage"
      ? await service.engine.receive(read.request, gone())
      : await service.engine.request(read.request);
  return writeResponse(read, response, service.queueUrlOf);
}

type Attempt = {
  readonly caller: Caller;
  readonly operation: SqsOperation;
  readonly request: QueueRequest;
};

function deny(
  { engine }: SqsService,
  { caller, operation, request }: Attempt,
): WireError | undefined {
  if (caller.kind === "root" || caller.policy === undefined) return undefined;
  // A batch needs the permission of its single action, as in IAM.
  const action = `sqs:${operation.replace(/Batch$/, "")}`;
  const resource = "queueName" in request ? engine.arnOf(request.queueName) : engine.arnOf("");
  if (allows(caller.policy, { action, resource })) return undefined;
  const what = `${action.toLowerCase()} on resource: ${resource}`;
  return {
    status: 403,
    type: "com.amazon.coral.service#AccessDeniedException",
    message: `User: ${caller.arn} is not authorized to perform: ${what} because no session policy allows the ${action.toLowerCase()} action`,
    queryCode: "AccessDenied",
  };
}
