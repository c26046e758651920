/**
 * The stack: composes the subsystems and says who may use what of whom. Each construct decides how its own part is made.
 *
 * Nothing here looks anything up: the template is the same for every account and region.
 */
import { readFileSync } from "node:fs";
import { CfnOutput, Stack } from "aws-cdk-lib";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { Environment } from "../shared/model/environment.ts";
import { AgentAccess, Agents } from "./agents.ts";
import { Alarms } from "./alarms.ts";
import { ApartmentQueue, Apartments } from "./apartments.ts";
import type { CodeOf } from "./bundle.ts";
import { CommandQueues } from "./command-queues.ts";
import type { DeploymentContext } from "./context.ts";
import { Events } from "./events.ts";
import { FirstToken } from "./first-token.ts";
import { HttpApi } from "./http-api.ts";
import { Reports, Topics } from "./reports.ts";
import { Sweeper } from "./sweeper.ts";
import { Tables } from "./tables.ts";

export interface VmsyncStackProps extends DeploymentContext {
  readonly code: CodeOf;
}

/** What functions hold on to, made before them. */
interface Held {
  readonly tables: Tables;
  readonly apartmentQueue: ApartmentQueue;
  readonly topics: Topics;
  readonly commandQueues: CommandQueues;
  readonly access: AgentAccess;
}

/** For Node itself: stack traces name our lines, not the bundle's. */
const RUNTIME_ENVIRONMENT = { NODE_OPTIONS: "--enable-source-maps" };

export class VmsyncStack extends Stack {
  constructor(scope: Construct, id: string, props: VmsyncStackProps) {
    super(scope, id, { stackName: props.stage, description: "vmsync: a control plane for VMs" });
    const { stage } = props;
    const commandQueues = new CommandQueues(this, "CommandQueues", { stage });
    const held: Held = {
      tables: new Tables(this, "Tables", { stage }),
      apartmentQueue: new ApartmentQueue(this, "ApartmentQueue", { stage }),
      topics: new Topics(this, "Topics", { stage }),
      commandQueues,
      access: new AgentAccess(this, "AgentAccess", { stage, commandQueues }),
    };
    const surroundings = {
      stage,
      code: props.code,
      environment: { ...environmentOf(props, held), ...RUNTIME_ENVIRONMENT },
      alarms: new Alarms(props.alarmTopicArn),
    };
    const { apartmentQueue, access, topics } = held;
    const apartments = new Apartments(this, "Apartments", { surroundings, apartmentQueue });
    const agents = new Agents(this, "Agents", { surroundings, access });
    const api = new HttpApi(this, "HttpApi", { surroundings, ingest: agents.ingest });
    const reports = new Reports(this, "Reports", { surroundings, topics });
    const events = new Events(this, "Events", { surroundings, topics });
    const sweeper = new Sweeper(this, "Sweeper", { surroundings });
    const firstToken = new FirstToken(this, "FirstToken", { surroundings });
    held.tables.grantReadWrite(firstToken.make.lambda, "tokens");
    grantAll(held, { apartments, agents, api, reports, events, sweeper });
    new CfnOutput(this, "ApiUrl", { value: api.url, description: "User and agent API" });
  }
}

function environmentOf(
  { stage, settings }: VmsyncStackProps,
  { tables, apartmentQueue, topics, commandQueues, access }: Held,
): Readonly<Record<string, string>> {
  return {
    VMSYNC_STAGE: stage,
    VMSYNC_VERSION: packageVersion(),
    VMSYNC_SETTINGS: JSON.stringify(settings),
    VMSYNC_APARTMENTS_TABLE: tables.nameOf("apartments"),
    VMSYNC_DOMAINS_TABLE: tables.nameOf("domains"),
    VMSYNC_JOBS_TABLE: tables.nameOf("jobs"),
    VMSYNC_IDEMPOTENCY_TABLE: tables.nameOf("idempotency"),
    VMSYNC_HOSTS_TABLE: tables.nameOf("hosts"),
    VMSYNC_INCIDENTS_TABLE: tables.nameOf("incidents"),
    VMSYNC_EVENTS_TABLE: tables.nameOf("events"),
    VMSYNC_INTERESTS_TABLE: tables.nameOf("interests"),
    VMSYNC_TOKENS_TABLE: tables.nameOf("tokens"),
    VMSYNC_APARTMENT_QUEUE_URL: apartmentQueue.queue.queueUrl,
    VMSYNC_BUS_NAME: topics.bus.eventBusName,
    VMSYNC_COMMAND_QUEUE_PREFIX: commandQueues.namePrefix,
    VMSYNC_AGENT_ROLE_ARN: access.agentRole.roleArn,
  } satisfies Readonly<Record<Exclude<keyof Environment, `AWS_${string}`>, string>>;
}

interface Users {
  readonly apartments: Apartments;
  readonly agents: Agents;
  readonly api: HttpApi;
  readonly reports: Reports;
  readonly events: Events;
  readonly sweeper: Sweeper;
}

/** Who may use what: the one list, by function. */
function grantAll(held: Held, users: Users): void {
  const { tables, apartmentQueue, topics } = held;
  const { apartments, agents, api, reports, events, sweeper } = users;
  grantTurns(held, apartments.turns.lambda);

  const vms = api.functionOf("vms").lambda;
  tables.grantRead(vms, "tokens");
  tables.grantReadWrite(vms, "idempotency");
  grantTurns(held, vms);

  const jobs = api.functionOf("jobs").lambda;
  tables.grantRead(jobs, "tokens");
  tables.grantReadWrite(jobs, "jobs", "idempotency");
  apartmentQueue.queue.grantSendMessages(jobs);

  const hosts = api.functionOf("hosts").lambda;
  tables.grantRead(hosts, "tokens");
  tables.grantReadWrite(hosts, "idempotency");
  held.commandQueues.grantRemove(hosts);
  grantTurns(held, hosts);

  const incidents = api.functionOf("incidents").lambda;
  tables.grantRead(incidents, "tokens");
  tables.grantReadWrite(incidents, "idempotency");
  grantTurns(held, incidents);

  tables.grantReadWrite(api.functionOf("tokens").lambda, "tokens", "idempotency");

  const feed = api.functionOf("events").lambda;
  tables.grantRead(feed, "tokens", "apartments", "events");
  tables.grantReadWrite(feed, "idempotency");
  topics.bus.grantPutEventsTo(feed);

  const record = events.record.lambda;
  tables.grantReadWrite(record, "events");
  tables.grantRead(record, "interests");
  apartmentQueue.queue.grantSendMessages(record);

  const ingest = agents.ingest.lambda;
  tables.grantReadWrite(ingest, "hosts", "incidents");
  tables.grantRead(ingest, "apartments");
  apartmentQueue.queue.grantSendMessages(ingest);
  topics.bus.grantPutEventsTo(ingest);

  for (const reconcile of [reports.reconcile.lambda, reports.redrive.lambda]) {
    tables.grantReadWrite(reconcile, "hosts", "incidents");
    tables.grantRead(reconcile, "apartments");
    apartmentQueue.queue.grantSendMessages(reconcile);
    topics.bus.grantPutEventsTo(reconcile);
  }

  const sweep = sweeper.sweep.lambda;
  tables.grantRead(sweep, "apartments", "jobs");
  tables.grantReadWrite(sweep, "hosts", "incidents");
  apartmentQueue.queue.grantSendMessages(sweep);
  topics.bus.grantPutEventsTo(sweep);

  const deadLetters = apartments.deadLetters.lambda;
  tables.grantReadWrite(deadLetters, "incidents");
  apartmentQueue.queue.grantSendMessages(deadLetters);
  topics.bus.grantPutEventsTo(deadLetters);
}

/** What a turn and its effects touch, inline or from the queue: an inline turn flushes what an earlier one left (A4). */
function grantTurns(held: Held, grantee: IGrantable): void {
  const { tables, apartmentQueue, topics, commandQueues } = held;
  tables.grantReadWrite(grantee, "apartments", "domains", "jobs", "hosts", "incidents");
  // An interest is counted at the heads of the events' log too.
  tables.grantReadWrite(grantee, "interests", "events");
  apartmentQueue.queue.grantSendMessages(grantee);
  commandQueues.grantSend(grantee);
  topics.bus.grantPutEventsTo(grantee);
}

function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === "object" && parsed !== null && "version" in parsed)
    return String(parsed.version);
  throw new Error("package.json has no version");
}
