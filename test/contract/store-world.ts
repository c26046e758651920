/** What a store suite runs against: fresh, empty stores under a clock that the test moves. */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Ports } from "../../shared/app/ports.ts";
import { documentClient } from "../../shared/aws/documents.ts";
import { dynamoApartmentStore } from "../../shared/aws/dynamo-apartment-store.ts";
import { dynamoEventStore } from "../../shared/aws/dynamo-event-store.ts";
import { dynamoHostStore } from "../../shared/aws/dynamo-host-store.ts";
import { dynamoIncidentStore } from "../../shared/aws/dynamo-incident-store.ts";
import { dynamoInterests } from "../../shared/aws/dynamo-interests.ts";
import { dynamoJobStore } from "../../shared/aws/dynamo-job-store.ts";
import { dynamoPlacement } from "../../shared/aws/dynamo-placement.ts";
import { dynamoSubmissions } from "../../shared/aws/dynamo-submissions.ts";
import { dynamoTokenStore } from "../../shared/aws/dynamo-token-store.ts";
import { systemNames } from "../../shared/aws/system.ts";
import { connectMemory } from "../../shared/memory/connect.ts";
import { createTables } from "../support/dynamo-tables.ts";
import { type TestClock, testClock } from "../support/test-clock.ts";

/** Other than the defaults, and than each other. */
export const retention = { historyRetentionDays: 7, incidentRetentionDays: 3 };

export type Stores = Pick<
  Ports,
  | "apartments"
  | "submissions"
  | "jobs"
  | "hosts"
  | "placement"
  | "incidents"
  | "events"
  | "interests"
  | "tokens"
>;
export type StoreWorld = Stores & { readonly clock: TestClock };
export type OpenStores = () => Promise<StoreWorld>;

export async function openMemoryStores(): Promise<StoreWorld> {
  const clock = testClock();
  return { ...connectMemory({ clock, names: systemNames, settings: retention }).ports, clock };
}

export async function openDynamoStores(client: DynamoDBClient): Promise<StoreWorld> {
  const clock = testClock();
  const dynamo = { documents: documentClient(client), tables: await createTables(client), clock };
  return {
    apartments: dynamoApartmentStore(dynamo),
    submissions: dynamoSubmissions(dynamo),
    jobs: dynamoJobStore(dynamo),
    hosts: dynamoHostStore(dynamo),
    placement: dynamoPlacement(dynamo),
    incidents: dynamoIncidentStore({ ...dynamo, retention }),
    events: dynamoEventStore({ ...dynamo, retention }),
    interests: dynamoInterests(dynamo),
    tokens: dynamoTokenStore(dynamo),
    clock,
  };
}
