/**
 * The whole stack on one machine: what `npm start`, tests and benchmarks run.
 *
 * Everything that is made is taken down in the opposite order, at a stop and when a start fails half-way. Nothing relies on
 * it: the end of the process at any moment loses nothing that was answered.
 */
import { parseEnvironment } from "../shared/model/environment.ts";
import type { Settings } from "../shared/model/settings.ts";
import { adminToken } from "./admin-token.ts";
import { type CallCounter, callCounter } from "./call-counter.ts";
import { type DataFolder, openDataFolder, probePort } from "./data-folder.ts";
import { startDynoxide } from "./dynoxide.ts";
import { openBusEngine } from "./engine/bus-engine.ts";
import { systemClock } from "./engine/clock.ts";
import { openQueueEngine } from "./engine/queue-engine.ts";
import { startFunctions } from "./functions.ts";
import { startFront } from "./http/front.ts";
import type { Invoked } from "./lambda/function-pool.ts";
import { releaseInFlight } from "./lambda/release-in-flight.ts";
import { type LogFiles, logFiles } from "./log-files.ts";
import { makeQueues } from "./make-queues.ts";
import { makeTables } from "./make-tables.ts";
import { runtimeEnvironment } from "./runtime-environment.ts";
import { StartError } from "./start-error.ts";
import { openStore } from "./store/open-store.ts";
import { orTakenDown, type Teardown, teardown } from "./teardown.ts";
import { readTemplate, type Synthesised } from "./template/read-template.ts";
import type { StackModel } from "./template/stack-model.ts";
import { localCredentials } from "./wire/credentials.ts";
import { startWireServer } from "./wire/wire-server.ts";

export interface StackOptions {
  readonly stage: string;
  readonly settings: Settings;
  /** Of the API; 0: any free one. */
  readonly port: number;
  readonly data:
    | { readonly kind: "folder"; readonly path: string }
    | { readonly kind: "ephemeral" };
  /** URL of another DynamoDB engine than dynoxide. */
  readonly dynamoDbEndpoint?: string | undefined;
  /** Node's own options for the functions' threads, such as those for a profile. */
  readonly execArgv?: readonly string[] | undefined;
  /** What to run, put into that folder; the stack of `cdk/` by default. */
  readonly synthesise?: (outFolder: string) => Synthesised;
  /** Progress, in short lines. */
  readonly onProgress?: ((text: string) => void) | undefined;
  /** Every line that a function logs. */
  readonly onLog?: ((text: string) => void) | undefined;
}

export interface Stack {
  /** Of user and agent API. */
  readonly url: string;
  readonly adminToken: string;
  readonly adminTokenFile: string;
  readonly dataFolder: string;
  readonly awsEndpoints: { readonly dynamoDb: string; readonly sqs: string };
  /** Invokes a function as anybody may who has the rights in AWS: by its name, with an event in JSON. */
  readonly invoke: (functionName: string, event: string) => Promise<Invoked>;
  /** What functions called and how often they were invoked. */
  readonly calls: CallCounter;
  /** Resolves with the reason when it cannot go on: only a new start helps. */
  readonly broken: Promise<Error>;
  readonly stop: () => Promise<void>;
}

const REGION = "us-east-1";
const ACCOUNT_ID = "000000000000";
const PORT_HINT = "choose another with --port";
/** For answers under way; a caller that waits for a job's end asks again anyway. */
const FRONT_GRACE_MS = 1_000;
/** For turns under way: they take milliseconds. What takes longer is delivered again at the next start. */
const FUNCTIONS_GRACE_MS = 2_000;

/** Throws a `StartError` or a `TemplateError` with one clear line where it cannot start. */
export function startStack(options: StackOptions): Promise<Stack> {
  return orTakenDown(teardown(), (down) => makeStack(options, down));
}

async function makeStack(options: StackOptions, down: Teardown): Promise<Stack> {
  const say = options.onProgress ?? (() => {});
  const folder = await openDataFolder(options.data);
  down.defer(folder.close);
  const logs = logFiles(folder.logFolder, options.onLog);
  down.defer(logs.close);

  // Before everything that takes seconds; `listen` itself decides in the end.
  if (options.port !== 0) await onPort(options.port, PORT_HINT, () => probePort(options.port));
  say("reading the template");
  const model = await readModel(options, folder);
  const dynamoDb = await startDynamoDb(options, folder, logs);
  down.defer(dynamoDb.stop);
  await makeTables({
    endpoint: dynamoDb.endpoint,
    region: REGION,
    credentials: folder.rootKeys,
    tables: model.tables,
  });
  say("tables are there");

  const aws = await startAws(options, { folder, model, logs }, down);
  const calls = callCounter();
  const site = {
    region: REGION,
    credentials: folder.rootKeys,
    dynamoDbEndpoint: dynamoDb.endpoint,
    awsEndpoint: aws.origin,
  };
  const functions = startFunctions({
    ...{ model, site, ...aws, logs, calls, execArgv: options.execArgv },
    accountId: ACCOUNT_ID,
    clock: systemClock,
  });
  down.defer(() => functions.stop(FUNCTIONS_GRACE_MS));
  const front = await onPort(options.port, PORT_HINT, () =>
    startFront({
      port: options.port,
      accountId: ACCOUNT_ID,
      api: model.api,
      now: systemClock.now,
      invoke: functions.invoke,
      accessLog: (line) => logs.write("access", line),
    }),
  );
  down.defer(() => front.close(FRONT_GRACE_MS));

  const token = await firstAdminToken(folder, model, site);
  return {
    url: front.url,
    adminToken: token,
    adminTokenFile: folder.adminTokenFile,
    dataFolder: folder.path,
    awsEndpoints: { dynamoDb: dynamoDb.endpoint, sqs: aws.origin },
    invoke: functions.invoke,
    calls,
    broken: functions.broken,
    stop: down.run,
  };
}

async function readModel(options: StackOptions, folder: DataFolder): Promise<StackModel> {
  const { stage, settings } = options;
  // The CDK takes a second to load: only when it is needed, and after the folder is known to be ours.
  const { synthesise } = await import("./template/synthesise.ts");
  const outFolder = folder.assemblyFolder;
  const synthesised = options.synthesise?.(outFolder) ?? synthesise({ stage, settings, outFolder });
  return readTemplate(synthesised, {
    region: REGION,
    accountId: ACCOUNT_ID,
    stackName: stage,
    queueUrlOf: (name) => `http://127.0.0.1:${folder.awsPort}/${ACCOUNT_ID}/${name}`,
  });
}

async function startDynamoDb(options: StackOptions, folder: DataFolder, logs: LogFiles) {
  if (options.dynamoDbEndpoint !== undefined)
    return { endpoint: options.dynamoDbEndpoint, stop: async () => {} };
  return startDynoxide({
    file: options.data.kind === "ephemeral" ? undefined : folder.dynamoDbFile,
    onLine: (text) => logs.write("dynoxide", text),
  });
}

type AwsProps = {
  readonly folder: DataFolder;
  readonly model: StackModel;
  readonly logs: LogFiles;
};

/** Queues, bus and STS behind one port. */
async function startAws({ data }: StackOptions, { folder, model, logs }: AwsProps, down: Teardown) {
  const file = data.kind === "ephemeral" ? ":memory:" : folder.storeFile;
  const store = asStartError(() => openStore(file));
  down.defer(store.close);
  const place = { store, clock: systemClock, region: REGION, accountId: ACCOUNT_ID };
  const queues = openQueueEngine(place);
  await makeQueues(queues, model.queues);
  const queueNames = model.mappings.map(({ queueName }) => queueName);
  await releaseInFlight({ store, queues, queueNames, now: systemClock.now() });
  const bus = asStartError(() =>
    openBusEngine({ ...place, rules: model.rules, archives: model.archives, queues }),
  );
  const wire = await onPort(folder.awsPort, `it is the queues' port of ${folder.path}`, () =>
    startWireServer({
      port: folder.awsPort,
      accountId: ACCOUNT_ID,
      clock: systemClock,
      credentials: localCredentials(folder.rootKeys),
      queues,
      bus,
      onError: (error) => logs.write("stack", String(error)),
    }),
  );
  down.defer(wire.close);
  return { queues, bus, origin: wire.origin };
}

/** The engines say in one line what they cannot open. */
function asStartError<T>(open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw new StartError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function onPort<T>(port: number, hint: string, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE")
      throw new StartError(`port ${port} is in use; ${hint}`, { cause });
    throw cause;
  }
}

/** Any function's environment says where the tokens are: they all have the same. */
async function firstAdminToken(
  folder: DataFolder,
  model: StackModel,
  site: Parameters<typeof runtimeEnvironment>[0],
): Promise<string> {
  const [first] = model.functions;
  if (first === undefined) throw new StartError("the template has no function");
  return adminToken({
    file: folder.adminTokenFile,
    environment: parseEnvironment(runtimeEnvironment(site, first)),
    dynamoDbEndpoint: site.dynamoDbEndpoint,
    credentials: site.credentials,
  });
}
