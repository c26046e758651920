/** Sends dead messages to their apartments again, once, and tells of each. */
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { parseMessage } from "../shared/app/parse-message.ts";
import type { Ports } from "../shared/app/ports.ts";
import { returnDeadLetter } from "../shared/app/return-dead-letters.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import { ApartmentId } from "../shared/model/ids.ts";

/** One after the other, as they came: what follows a failure in its group waits with it. */
export function deadLetterReturner(deps: Ports): (event: SQSEvent) => Promise<SQSBatchResponse> {
  return async ({ Records }) => {
    const failed: SQSRecord[] = [];
    for (const record of Records) {
      if (failed.some((earlier) => groupOf(earlier) === groupOf(record)) || !(await give(record)))
        failed.push(record);
    }
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };

  async function give(record: SQSRecord): Promise<boolean> {
    const { messageId, body } = record;
    const to = ApartmentId.safeParse(groupOf(record));
    const parsed = parseMessage(body);
    try {
      await returnDeadLetter(deps, {
        messageId,
        to: to.success ? to.data : undefined,
        message: parsed.ok ? parsed.message : undefined,
      });
      return true;
    } catch (error) {
      deps.telemetry.log({ level: "error", message: "a dead letter stays", messageId, error });
      return false;
    }
  }
}

function groupOf({ attributes }: SQSRecord): string | undefined {
  return attributes.MessageGroupId;
}

export const handler = middy(deadLetterReturner(connect(parseEnvironment(process.env)))).use(
  lambdaContext,
);
