/**
 * One Lambda function with its role, its log group and its alarms.
 *
 * The role may write to this function's own log group and nothing else; everything more is granted by the construct
 * that owns what is used.
 */
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { type Alarms, FIVE_MINUTES } from "./alarms.ts";
import type { CodeOf } from "./bundle.ts";
import type { FunctionName } from "./function-names.ts";

/** What every function shares. */
export interface Surroundings {
  readonly stage: string;
  readonly code: CodeOf;
  readonly environment: Readonly<Record<string, string>>;
  readonly alarms: Alarms;
}

export interface VmsyncFunctionProps {
  readonly surroundings: Surroundings;
  readonly name: FunctionName;
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMiB: number;
  /** Given where something must know the role before the function exists. */
  readonly role?: Role;
  /**
   * Whether its messages may come back to it for ever. Lambda ends a chain from a function through SQS to itself at about
   * sixteen invocations, as a mistake, and drops the message to the dead-letter queue.
   */
  readonly recursiveLoop?: RecursiveLoop;
}

export class VmsyncFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly timeoutSeconds: number;

  constructor(scope: Construct, id: string, props: VmsyncFunctionProps) {
    super(scope, id);
    const { stage, code, environment, alarms } = props.surroundings;
    const functionName = `${stage}-${props.name}`;
    const logGroup = new LogGroup(this, "Log", {
      logGroupName: `/aws/lambda/${functionName}`,
      // A month: longer than anybody looks back after an incident; the history of a VM is in its events, not here.
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = props.role ?? lambdaRole(this, "Role");
    logGroup.grantWrite(role);
    this.timeoutSeconds = props.timeoutSeconds;
    this.lambda = new LambdaFunction(this, "Function", {
      functionName,
      description: props.description,
      code: code(props.name),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(props.timeoutSeconds),
      memorySize: props.memoryMiB,
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      // Jobs carry their own journal, log lines their ids; X-Ray would cost a call for each invocation.
      tracing: Tracing.DISABLED,
      environment: { ...environment },
      recursiveLoop: props.recursiveLoop ?? RecursiveLoop.TERMINATE,
    });
    alarms.add(this, "Errors", {
      name: `${functionName}-errors`,
      section: "function-errors",
      says: `${functionName} threw or timed out`,
      metric: this.lambda.metricErrors({ period: FIVE_MINUTES, statistic: "Sum" }),
      threshold: 1,
    });
    alarms.add(this, "Throttles", {
      name: `${functionName}-throttles`,
      section: "function-throttles",
      says: `${functionName} was refused for want of concurrency`,
      metric: this.lambda.metricThrottles({ period: FIVE_MINUTES, statistic: "Sum" }),
      threshold: 1,
    });
  }
}

/** A role that only Lambda takes, with no permission yet. */
export function lambdaRole(scope: Construct, id: string): Role {
  return new Role(scope, id, { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
}
