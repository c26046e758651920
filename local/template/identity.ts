/** What `Ref` and `Fn::GetAtt` of a resource come to on this machine. */

/** Where the stack runs. */
export interface Site {
  readonly region: string;
  readonly accountId: string;
  readonly stackName: string;
  readonly queueUrlOf: (queueName: string) => string;
}

export type Identity = {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
};

export type Identified = {
  readonly logicalId: string;
  readonly type: string;
  /** A property with its intrinsics resolved. */
  readonly property: (name: string) => unknown;
};

/** Undefined for a type that nothing may refer to here. */
export function identify(site: Site, resource: Identified): Identity | undefined {
  const arn = arnsOf(site);
  const named = (property: string) => nameOf(resource, property);
  switch (resource.type) {
    case "AWS::DynamoDB::Table": {
      const name = named("TableName");
      return { ref: name, attributes: { Arn: arn("dynamodb", `table/${name}`) } };
    }
    case "AWS::SQS::Queue": {
      const name = named("QueueName");
      const attributes = {
        Arn: arn("sqs", name),
        QueueName: name,
        QueueUrl: site.queueUrlOf(name),
      };
      return { ref: attributes.QueueUrl, attributes };
    }
    case "AWS::Lambda::Function": {
      const name = named("FunctionName");
      return { ref: name, attributes: { Arn: arn("lambda", `function:${name}`) } };
    }
    case "AWS::Events::EventBus": {
      const name = named("Name");
      return { ref: name, attributes: { Arn: arn("events", `event-bus/${name}`), Name: name } };
    }
    case "AWS::Events::Rule": {
      const name = named("Name");
      return { ref: name, attributes: { Arn: arn("events", `rule/${name}`) } };
    }
    case "AWS::Events::Archive": {
      const name = named("ArchiveName");
      return { ref: name, attributes: { Arn: arn("events", `archive/${name}`) } };
    }
    case "AWS::Logs::LogGroup": {
      const name = named("LogGroupName");
      return { ref: name, attributes: { Arn: arn("logs", `log-group:${name}:*`) } };
    }
    case "AWS::IAM::Role": {
      const name = named("RoleName");
      const Arn = `arn:aws:iam::${site.accountId}:role/${name}`;
      return { ref: name, attributes: { Arn } };
    }
    case "AWS::ApiGatewayV2::Api":
    case "AWS::ApiGatewayV2::Integration":
      return { ref: resource.logicalId, attributes: {} };
    default:
      return undefined;
  }
}

/** ARNs of one stack by service and resource. */
export function arnsOf(site: Pick<Site, "region" | "accountId">) {
  return (service: string, resource: string): string =>
    `arn:aws:${service}:${site.region}:${site.accountId}:${resource}`;
}

/** The name that the template gives; a resource without one is called by its logical id. */
function nameOf({ logicalId, property }: Identified, key: string): string {
  const name = property(key);
  return typeof name === "string" ? name : logicalId;
}
