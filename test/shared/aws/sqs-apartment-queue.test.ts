import { SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, expect, test } from "vitest";
import { sqsApartmentQueue } from "../../../shared/aws/sqs-apartment-queue.ts";
import { aMessage, jobIdOf, vmId } from "../../support/a-record.ts";
import { type ScriptedAws, scriptedAws } from "../../support/scripted-aws.ts";

let aws: ScriptedAws;
afterEach(() => aws.close());

const message = { to: vmId, message: aMessage({ kind: "submit", jobId: jobIdOf(1) }) };

test.each([
  { SenderFault: false, transient: true },
  { SenderFault: true, transient: false },
])(
  "an entry that was refused (sender's fault: $SenderFault) fails the whole; a later try may help: $transient",
  async ({ SenderFault, transient }) => {
    const refused = { Id: "0", Code: "InternalError", Message: "not now", SenderFault };
    aws = await scriptedAws([{ status: 200, body: { Successful: [], Failed: [refused] } }]);
    const sqs = new SQSClient(aws.config);
    const queue = sqsApartmentQueue({ sqs, queueUrl: `${aws.endpoint}/1/apartments.fifo` });
    await expect(queue.send([message])).rejects.toMatchObject({ transient });
    expect(aws.requests).toHaveLength(1);
  },
);
