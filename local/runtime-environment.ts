/** The environment of a function: what the template gives it, and what Lambda's runtime and the SDK want beside. */
import { devNull } from "node:os";
import type { FunctionModel } from "./template/stack-model.ts";
import type { KeyPair } from "./wire/credentials.ts";

export interface RuntimeSite {
  readonly region: string;
  readonly credentials: KeyPair;
  readonly dynamoDbEndpoint: string;
  /** Of queues, bus and STS. */
  readonly awsEndpoint: string;
}

/** Nothing of this machine's own environment is in it. */
export function runtimeEnvironment(
  site: RuntimeSite,
  model: FunctionModel,
): Record<string, string> {
  return {
    ...model.environment,
    AWS_REGION: site.region,
    AWS_DEFAULT_REGION: site.region,
    AWS_ACCESS_KEY_ID: site.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: site.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: site.dynamoDbEndpoint,
    AWS_ENDPOINT_URL_SQS: site.awsEndpoint,
    AWS_ENDPOINT_URL_EVENTBRIDGE: site.awsEndpoint,
    AWS_ENDPOINT_URL_STS: site.awsEndpoint,
    // Lambda has neither files of profiles nor instance metadata; this machine may.
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_NAME: model.name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(model.memoryMiB),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${model.name}`,
    AWS_LAMBDA_LOG_FORMAT: "JSON",
    LAMBDA_TASK_ROOT: model.codeFolder,
    TZ: ":UTC",
  };
}
