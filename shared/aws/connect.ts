/**
 * All ports over AWS, from the environment. Called once by each function when it starts: the clients and their
 * connections then serve every invocation.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SQSClient } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";
import type { Ports } from "../app/ports.ts";
import type { Environment } from "../model/environment.ts";
import type { Settings } from "../model/settings.ts";
import { documentClient } from "./documents.ts";
import { dynamoApartmentStore } from "./dynamo-apartment-store.ts";
import type { Dynamo } from "./dynamo-call.ts";
import { dynamoEventStore } from "./dynamo-event-store.ts";
import { dynamoHostStore } from "./dynamo-host-store.ts";
import { dynamoIncidentStore } from "./dynamo-incident-store.ts";
import { dynamoInterests } from "./dynamo-interests.ts";
import { dynamoJobStore } from "./dynamo-job-store.ts";
import { dynamoPlacement } from "./dynamo-placement.ts";
import { dynamoSubmissions } from "./dynamo-submissions.ts";
import { dynamoTokenStore } from "./dynamo-token-store.ts";
import { eventbridgeBus } from "./eventbridge-bus.ts";
import { sqsApartmentQueue } from "./sqs-apartment-queue.ts";
import { sqsCommandQueues } from "./sqs-command-queues.ts";
import { sqsRedelivery } from "./sqs-redelivery.ts";
import { gzipCodec, systemClock, systemNames } from "./system.ts";
import { powertoolsTelemetry } from "./telemetry.ts";

/** Tries in all. With the time-outs below, a dependency that does not answer fails a call before an HTTP API gives up (30 s). */
const CALL_ATTEMPTS_MAX = 3;
/** Inside one region a connection stands within milliseconds. */
const CONNECTION_TIMEOUT_MS = 1_000;
/** No call of ours waits on purpose (agents long-poll, functions don't); the slowest is a transaction under contention. */
const REQUEST_TIMEOUT_MS = 5_000;

/** What every SDK client is made with. The SDK keeps connections alive by default. */
const CLIENT = {
  /** Nothing is added to a client's middleware once it has served a call. */
  cacheMiddleware: true,
  maxAttempts: CALL_ATTEMPTS_MAX,
  retryMode: "standard",
  requestHandler: {
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
  },
};

export function connect(environment: Environment & { readonly settings: Settings }): Ports {
  const clock = systemClock;
  const dynamo: Dynamo = {
    documents: documentClient(lean(new DynamoDBClient(CLIENT))),
    tables: tablesOf(environment),
    clock,
  };
  // TLS says whether a body arrived as it was sent; the SDK would hash each once more.
  const sqs = lean(new SQSClient({ ...CLIENT, md5: false }));
  const apartmentQueue = { sqs, queueUrl: environment.VMSYNC_APARTMENT_QUEUE_URL };
  return {
    apartments: dynamoApartmentStore(dynamo),
    submissions: dynamoSubmissions(dynamo),
    jobs: dynamoJobStore(dynamo),
    hosts: dynamoHostStore(dynamo),
    placement: dynamoPlacement(dynamo),
    incidents: dynamoIncidentStore({ ...dynamo, retention: environment.settings }),
    events: dynamoEventStore({ ...dynamo, retention: environment.settings }),
    interests: dynamoInterests(dynamo),
    tokens: dynamoTokenStore(dynamo),
    apartmentQueue: sqsApartmentQueue(apartmentQueue),
    redelivery: sqsRedelivery(apartmentQueue),
    commandQueues: sqsCommandQueues({
      sqs,
      sts: new STSClient(CLIENT),
      queuePrefix: environment.VMSYNC_COMMAND_QUEUE_PREFIX,
      agentRoleArn: environment.VMSYNC_AGENT_ROLE_ARN,
      access: accessOf(environment),
    }),
    bus: eventbridgeBus({
      events: lean(new EventBridgeClient(CLIENT)),
      busName: environment.VMSYNC_BUS_NAME,
      clock,
    }),
    clock,
    names: systemNames,
    codec: gzipCodec,
    telemetry: powertoolsTelemetry({
      stage: environment.VMSYNC_STAGE,
      version: environment.VMSYNC_VERSION,
    }),
  };
}

/** What the SDK does on every call for others: it prepares a log entry even without a logger, and says which SDK it is. */
const NOT_FOR_US = ["loggerMiddleware", "getUserAgentMiddleware"] as const;

/** The same client without what is of no use here: some hundredths of a call's processor time. */
function lean<C extends { readonly middlewareStack: { remove: (name: string) => boolean } }>(
  client: C,
): C {
  for (const name of NOT_FOR_US)
    if (!client.middlewareStack.remove(name)) throw new Error(`the SDK has no ${name} any more`);
  return client;
}

/** The tables' names, as the template gives them to every function. */
export function tablesOf(environment: Environment): Dynamo["tables"] {
  return {
    apartments: environment.VMSYNC_APARTMENTS_TABLE,
    domains: environment.VMSYNC_DOMAINS_TABLE,
    jobs: environment.VMSYNC_JOBS_TABLE,
    idempotency: environment.VMSYNC_IDEMPOTENCY_TABLE,
    hosts: environment.VMSYNC_HOSTS_TABLE,
    incidents: environment.VMSYNC_INCIDENTS_TABLE,
    events: environment.VMSYNC_EVENTS_TABLE,
    interests: environment.VMSYNC_INTERESTS_TABLE,
    tokens: environment.VMSYNC_TOKENS_TABLE,
  };
}

function accessOf({ AWS_REGION: region, AWS_ENDPOINT_URL_SQS: endpoint }: Environment) {
  return endpoint === undefined ? { region } : { region, endpoint };
}
