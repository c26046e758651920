/** Works off reports that were not worked off when they came: the queues of what failed and of what was not delivered. */
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import type { Ports } from "../shared/app/ports.ts";
import { redriveReport } from "../shared/app/redrive-report.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import type { Settings } from "../shared/model/settings.ts";

/** What fails comes again, as long as its queue keeps it. */
export function reportRedriver(
  deps: Ports & { readonly settings: Settings },
): (event: SQSEvent) => Promise<SQSBatchResponse> {
  return async ({ Records }) => {
    const failed: string[] = [];
    for (const { messageId, body } of Records)
      await redriveReport(deps, body).catch((error: unknown) => {
        deps.telemetry.log({ level: "error", message: "a report stays", messageId, error });
        failed.push(messageId);
      });
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  reportRedriver({ ...connect(environment), settings: environment.settings }),
).use(lambdaContext);
