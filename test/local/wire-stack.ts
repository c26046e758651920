/** Queues, bus and wire server with real SDK clients, over a store in memory (or a file) and a clock that tests move. */
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SQSClient } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";
import { type BusEngine, openBusEngine } from "../../local/engine/bus-engine.ts";
import { openQueueEngine, type QueueEngine } from "../../local/engine/queue-engine.ts";
import { openStore, type Store } from "../../local/store/open-store.ts";
import { localCredentials, makeKeyPair } from "../../local/wire/credentials.ts";
import { startWireServer, type WireServer } from "../../local/wire/wire-server.ts";
import type { ArchiveSpec } from "../../shared/memory/bus-archive.ts";
import type { RuleSpec } from "../../shared/memory/bus-rules.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";

export const ACCOUNT_ID = "111111111111";
export const REGION = "us-east-1";

export interface WireStack {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly queues: QueueEngine;
  readonly bus: BusEngine;
  readonly server: WireServer;
  readonly sqs: SQSClient;
  readonly events: EventBridgeClient;
  readonly sts: STSClient;
  /** An SQS client with other credentials. */
  readonly sqsAs: (credentials: ClientCredentials) => SQSClient;
  readonly close: () => Promise<void>;
}
type ClientCredentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

export async function wireStack(
  rules: readonly RuleSpec[] = [],
  archives: readonly ArchiveSpec[] = [],
): Promise<WireStack> {
  const clock = manualClock();
  const store = openStore(":memory:");
  const common = { store, clock, region: REGION, accountId: ACCOUNT_ID };
  const queues = openQueueEngine(common);
  const bus = openBusEngine({ ...common, rules, archives, queues });
  const root = makeKeyPair();
  const errors: unknown[] = [];
  const server = await startWireServer({
    port: 0,
    accountId: ACCOUNT_ID,
    clock,
    credentials: localCredentials(root),
    queues,
    bus,
    onError: (error) => errors.push(error),
  });
  const config = { endpoint: server.origin, region: REGION, credentials: root, maxAttempts: 1 };
  const clients: { destroy: () => void }[] = [];
  const opened = <Client extends { destroy: () => void }>(client: Client) => {
    clients.push(client);
    return client;
  };
  return {
    clock,
    store,
    queues,
    bus,
    server,
    sqs: opened(new SQSClient(config)),
    events: opened(new EventBridgeClient(config)),
    sts: opened(new STSClient(config)),
    sqsAs: (credentials) => opened(new SQSClient({ ...config, credentials })),
    close: async () => {
      for (const client of clients) client.destroy();
      await server.close();
      await store.close();
      if (errors.length > 0) throw new AggregateError(errors, "the wire server met errors");
    },
  };
}
