/**
 * The HTTP API: a route for each of `ROUTES`, to the function of its family; whatever else is asked goes to
 * `api-system`, which answers the problem document.
 */
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  HttpApi as Api,
  HttpMethod,
  HttpStage,
  LogGroupLogDestination,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { type Method, ROUTES, type RouteFamily } from "../shared/model/routes.ts";
import { FIVE_MINUTES } from "./alarms.ts";
import { FUNCTION_OF_FAMILY } from "./function-names.ts";
import { type Surroundings, VmsyncFunction } from "./vmsync-function.ts";

/** An HTTP API gives up after 30 s; a function that ends before can still answer. */
const API_TIMEOUT_SECONDS = 29;
/** They wait for the network; a quarter of a core, since one invocation serves one request. */
const API_MEMORY_MIB = 512;
/** 10,000 hosts at the default interval are 167 reports/s; this leaves as much again for users. */
const REQUESTS_PER_SECOND_MAX = 500;
/** All hosts of a rack coming back at once. */
const BURST_REQUESTS_MAX = 1000;
/** A handful of refused dependencies is the caller's retry; more is ours to look at. */
const SERVER_ERRORS_ALARM = 5;

type ApiFamily = Exclude<RouteFamily, "agents">;
const DESCRIPTIONS = {
  vms: "User API: VMs, their verbs and apartments.",
  jobs: "User API: jobs.",
  hosts: "User API: hosts.",
  incidents: "User API: incidents.",
  events: "User API: the feed of events, histories, custom topics.",
  tokens: "User API: tokens.",
  system: "User API: health, the OpenAPI document, and what no route matches.",
} as const satisfies Readonly<Record<ApiFamily, string>>;
const METHODS = {
  GET: HttpMethod.GET,
  POST: HttpMethod.POST,
  PATCH: HttpMethod.PATCH,
  DELETE: HttpMethod.DELETE,
} as const satisfies Readonly<Record<Method, HttpMethod>>;

export interface HttpApiProps {
  readonly surroundings: Surroundings;
  /** Serves the agents' routes. */
  readonly ingest: VmsyncFunction;
}

export class HttpApi extends Construct {
  readonly url: string;
  readonly #functions: Readonly<Record<RouteFamily, VmsyncFunction>>;

  constructor(scope: Construct, id: string, props: HttpApiProps) {
    super(scope, id);
    const { surroundings, ingest } = props;
    const make = (family: ApiFamily) => this.#makeFunction(family, surroundings);
    this.#functions = {
      vms: make("vms"),
      jobs: make("jobs"),
      hosts: make("hosts"),
      incidents: make("incidents"),
      events: make("events"),
      tokens: make("tokens"),
      system: make("system"),
      agents: ingest,
    };
    const api = new Api(this, "Api", {
      apiName: surroundings.stage,
      createDefaultStage: false,
      defaultIntegration: this.#integration("system"),
    });
    this.#addRoutes(api);
    this.url = this.#addStage(api).url;
    surroundings.alarms.add(this, "ServerErrors", {
      name: `${surroundings.stage}-api-server-errors`,
      section: "api-server-errors",
      says: "The API answers 5xx",
      metric: api.metricServerError({ period: FIVE_MINUTES, statistic: "Sum" }),
      threshold: SERVER_ERRORS_ALARM,
    });
  }

  functionOf(family: ApiFamily): VmsyncFunction {
    return this.#functions[family];
  }

  #makeFunction(family: ApiFamily, surroundings: Surroundings): VmsyncFunction {
    return new VmsyncFunction(this, FUNCTION_OF_FAMILY[family], {
      surroundings,
      name: FUNCTION_OF_FAMILY[family],
      description: DESCRIPTIONS[family],
      timeoutSeconds: API_TIMEOUT_SECONDS,
      memoryMiB: API_MEMORY_MIB,
    });
  }

  #integration(family: RouteFamily): HttpLambdaIntegration {
    return new HttpLambdaIntegration(`${family}-integration`, this.#functions[family].lambda, {
      timeout: Duration.seconds(API_TIMEOUT_SECONDS),
      // One permission a function, for this API: with one a route the function's policy outgrows its 20 KiB.
      scopePermissionToRoute: false,
    });
  }

  #addRoutes(api: Api): void {
    const integrations = new Map<RouteFamily, HttpLambdaIntegration>();
    for (const route of Object.values(ROUTES)) {
      const integration = integrations.get(route.family) ?? this.#integration(route.family);
      integrations.set(route.family, integration);
      api.addRoutes({ path: route.path, methods: [METHODS[route.method]], integration });
    }
  }

  #addStage(api: Api): HttpStage {
    const accessLog = new LogGroup(this, "AccessLog", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    return new HttpStage(this, "Stage", {
      httpApi: api,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: REQUESTS_PER_SECOND_MAX, burstLimit: BURST_REQUESTS_MAX },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLog),
        // No headers: they carry tokens and signatures.
        format: AccessLogFormat.custom(
          JSON.stringify({
            requestId: "$context.requestId",
            at: "$context.requestTime",
            sourceIp: "$context.identity.sourceIp",
            route: "$context.routeKey",
            path: "$context.path",
            status: "$context.status",
            responseBytes: "$context.responseLength",
            latencyMs: "$context.responseLatency",
            integrationError: "$context.integrationErrorMessage",
          }),
        ),
      },
    });
  }
}
