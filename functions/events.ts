/** Records what was told on the bus and wakes who listens: batches of the events' queue. */
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import type { Ports } from "../shared/app/ports.ts";
import { recordEvents } from "../shared/app/record-events.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { parseEnvironment } from "../shared/model/environment.ts";

/** What is not answered as a failure is deleted from the queue. */
export function eventRecorder(deps: Ports): (event: SQSEvent) => Promise<SQSBatchResponse> {
  return async ({ Records }) => {
    const failed = await recordEvents(deps, Records);
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

export const handler = middy(eventRecorder(connect(parseEnvironment(process.env)))).use(
  lambdaContext,
);
