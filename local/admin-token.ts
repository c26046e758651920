/** The first admin's token: made once, kept in a file that only its owner can read. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { authenticate } from "../shared/app/authenticate.ts";
import { createToken } from "../shared/app/create-token.ts";
import { tablesOf } from "../shared/aws/connect.ts";
import { documentClient } from "../shared/aws/documents.ts";
import { dynamoTokenStore } from "../shared/aws/dynamo-token-store.ts";
import { systemClock, systemNames } from "../shared/aws/system.ts";
import { makeBearerToken, parseBearerToken } from "../shared/http/bearer-token.ts";
import type { Environment } from "../shared/model/environment.ts";
import { AccountId } from "../shared/model/ids.ts";
import type { KeyPair } from "./wire/credentials.ts";

export interface AdminTokenProps {
  readonly file: string;
  readonly environment: Environment;
  readonly dynamoDbEndpoint: string;
  readonly credentials: KeyPair;
}

const ACCOUNT = AccountId.parse("admin");

/** The token of the file if it is still one, else a new one, which replaces it. */
export async function adminToken(props: AdminTokenProps): Promise<string> {
  const { file, environment, dynamoDbEndpoint, credentials } = props;
  const region = environment.AWS_REGION;
  const client = new DynamoDBClient({ endpoint: dynamoDbEndpoint, region, credentials });
  const tokens = dynamoTokenStore({
    documents: documentClient(client),
    tables: tablesOf(environment),
    clock: systemClock,
  });
  const deps = { tokens, names: systemNames, clock: systemClock };
  try {
    const kept = existsSync(file) ? parseBearerToken(readFileSync(file, "utf8").trim()) : undefined;
    if (kept && (await authenticate(deps, kept))?.role === "admin") return kept.text;
    const token = makeBearerToken(systemNames.secret());
    const made = await createToken(deps, {
      account: ACCOUNT,
      role: "admin",
      label: "made at the first start",
      token,
    });
    if (!made.ok) throw new Error("the admin token was refused");
    writeFileSync(`${file}.new`, `${token.text}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return token.text;
  } finally {
    client.destroy();
  }
}
