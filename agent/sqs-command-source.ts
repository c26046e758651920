/** The command queue on SQS, by long polls with the session's credentials. */
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
  SQSServiceException,
} from "@aws-sdk/client-sqs";
import type { CommandSource, OpenCommandSource } from "./command-source.ts";
import { errorText } from "./note.ts";

/** SQS's longest poll: fewest calls, and no delay for a message that comes meanwhile. */
const POLL_SECONDS = 20;
/** SQS's largest batch. */
const BATCH_MAX = 10;
/** A poll that has not answered this long after its time is a dead connection. */
const REQUEST_MS_MAX = POLL_SECONDS * 1000 + 10_000;
const CONNECT_MS_MAX = 5_000;
/** What SQS says when credentials or queue are not good: asking again will not help, another session may. */
const NO_ACCESS: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "QueueDoesNotExist",
  "AWS.SimpleQueueService.NonExistentQueue",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);

export const sqsCommandSource: OpenCommandSource = (granted) => {
  const { region, endpoint, credentials, commandQueueUrl: QueueUrl } = granted;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const client = new SQSClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
    requestHandler: {
      requestTimeout: REQUEST_MS_MAX,
      throwOnRequestTimeout: true, // Without it the SDK only warns, and waits for ever.
      connectionTimeout: CONNECT_MS_MAX,
    },
    maxAttempts: 1, // The poll loop backs off itself.
  });
  return {
    receive: async (signal) => {
      const poll = new ReceiveMessageCommand({
        QueueUrl,
        WaitTimeSeconds: POLL_SECONDS,
        MaxNumberOfMessages: BATCH_MAX,
      });
      try {
        const { Messages = [] } = await client.send(poll, { abortSignal: signal });
        const messages = Messages.map((message) => ({
          body: message.Body ?? "",
          receipt: message.ReceiptHandle ?? "",
        }));
        return { status: "received", messages };
      } catch (error) {
        const name = error instanceof Error ? error.name : "";
        const status =
          NO_ACCESS.has(name) && !isClockCorrected(error) ? "no_access" : "unavailable";
        return { status, detail: `${name}: ${errorText(error)}` };
      }
    },
    remove: async (receipts) => {
      const Entries = receipts.map((ReceiptHandle, at) => ({ Id: String(at), ReceiptHandle }));
      const { Failed = [] } = await client.send(
        new DeleteMessageBatchCommand({ QueueUrl, Entries }),
      );
      const [first] = Failed;
      if (first !== undefined)
        throw new Error(`${Failed.length} of ${Entries.length} not deleted: ${first.Code}`);
    },
    close: () => client.destroy(),
  } satisfies CommandSource;
};

/** This machine's clock was wrong, and the client has learnt the server's: the same client must ask again. */
function isClockCorrected(error: unknown): boolean {
  return error instanceof SQSServiceException && "clockSkewCorrected" in error.$metadata;
}
