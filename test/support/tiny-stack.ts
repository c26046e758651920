/** A CDK app of the tests' own: one of each thing that the local stack can make. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Duration, Stack } from "aws-cdk-lib";
import { HttpApi, HttpMethod } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { AttributeType, BillingMode, ProjectionType, Table } from "aws-cdk-lib/aws-dynamodb";
import { EventBus, Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Code, Function as Lambda, Runtime } from "aws-cdk-lib/aws-lambda";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue } from "aws-cdk-lib/aws-sqs";
import type { Synthesised } from "../../local/template/read-template.ts";
import { readSynthesised } from "../../local/template/synthesise.ts";

export interface TinyStack {
  readonly synthesised: Synthesised;
  readonly remove: () => void;
}

/** `change` may add to the stack before it is synthesised. */
export function tinyStack(change: (stack: Stack) => void = () => {}): TinyStack {
  const folder = mkdtempSync(join(tmpdir(), "vmsync-tiny-"));
  const source = join(folder, "source");
  const app = new App({
    outdir: join(folder, "cdk.out"),
    builtinCloudFormationValidation: false,
  });
  const stack = new Stack(app, "tiny");
  writeFileSync(`${source}.mjs`, "export const handler = () => 'tiny';");
  fill(stack, folder);
  change(stack);
  const synthesised = readSynthesised(app.synth().directory, "tiny");
  return { synthesised, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function fill(stack: Stack, folder: string): void {
  const table = new Table(stack, "Table", {
    tableName: "things",
    partitionKey: { name: "id", type: AttributeType.STRING },
    timeToLiveAttribute: "expiresAt",
    billingMode: BillingMode.PAY_PER_REQUEST,
  });
  table.addGlobalSecondaryIndex({
    indexName: "byAge",
    partitionKey: { name: "kind", type: AttributeType.STRING },
    sortKey: { name: "age", type: AttributeType.NUMBER },
    projectionType: ProjectionType.INCLUDE,
    nonKeyAttributes: ["name"],
  });
  const dead = new Queue(stack, "Dead", { queueName: "dead.fifo", fifo: true });
  const queue = new Queue(stack, "Queue", {
    queueName: "work.fifo",
    fifo: true,
    visibilityTimeout: Duration.seconds(60),
    deadLetterQueue: { queue: dead, maxReceiveCount: 3 },
  });
  const failed = new Queue(stack, "Failed", { queueName: "failed" });
  const lambda = new Lambda(stack, "Function", {
    functionName: "worker",
    code: Code.fromAsset(folder, { exclude: ["cdk.out"] }),
    handler: "source.handler",
    runtime: Runtime.NODEJS_24_X,
    timeout: Duration.seconds(10),
    memorySize: 256,
    environment: { QUEUE_URL: queue.queueUrl, TABLE: table.tableName },
    retryAttempts: 1,
    onFailure: new SqsDestination(failed),
  });
  lambda.addEventSource(
    new SqsEventSource(queue, { batchSize: 5, reportBatchItemFailures: true, maxConcurrency: 3 }),
  );
  const bus = new EventBus(stack, "Bus", { eventBusName: "news" });
  bus.archive("Archive", { archiveName: "old-news", eventPattern: { source: ["here"] } });
  const undelivered = new Queue(stack, "Undelivered", { queueName: "undelivered" });
  new Rule(stack, "Rule", {
    ruleName: "news-rule",
    eventBus: bus,
    eventPattern: { source: ["here"] },
    targets: [new LambdaFunction(lambda, { deadLetterQueue: undelivered, retryAttempts: 4 })],
  });
  new Rule(stack, "Schedule", {
    ruleName: "each-minute",
    schedule: Schedule.rate(Duration.minutes(1)),
    targets: [new LambdaFunction(lambda)],
  });
  const api = new HttpApi(stack, "Api");
  const integration = new HttpLambdaIntegration("Integration", lambda);
  api.addRoutes({ path: "/things/{id}", methods: [HttpMethod.GET], integration });
}
