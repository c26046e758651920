/** Takes the turns of apartments: a batch of their FIFO queue, one turn a group. */
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { parseMessage } from "../shared/app/parse-message.ts";
import type { Ports } from "../shared/app/ports.ts";
import { type Delivery, takeTurns } from "../shared/app/take-turns.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import type { Settings } from "../shared/model/settings.ts";

/** What is not answered as a failure is deleted from the queue. */
export function apartmentTurns(
  deps: Ports & { readonly settings: Settings },
): (event: SQSEvent) => Promise<SQSBatchResponse> {
  return async (event) => {
    const failed = await takeTurns(deps, event.Records.map(deliveryOf));
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

function deliveryOf({ messageId, receiptHandle, attributes, body }: SQSRecord): Delivery {
  const { MessageGroupId: group, SequenceNumber: sequence } = attributes;
  if (group === undefined || sequence === undefined)
    throw new Error(`message ${messageId} did not come from a FIFO queue`);
  const receiveCount = Number(attributes.ApproximateReceiveCount);
  return { messageId, receiptHandle, receiveCount, group, sequence, content: parseMessage(body) };
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  apartmentTurns({ ...connect(environment), settings: environment.settings }),
).use(lambdaContext);
