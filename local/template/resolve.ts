/**
 * Intrinsic functions of CloudFormation, resolved for this machine. One that is not known is a `TemplateError` with its
 * name and place: nothing is passed over in silence.
 */
import * as z from "zod/mini";
import { identify, type Site } from "./identity.ts";
import { type Template, TemplateError } from "./template.ts";

export interface Resolver {
  /** The value with every intrinsic resolved; `place` is for the error. */
  readonly resolve: (value: unknown, place: string) => unknown;
  /** Whether the resource's condition holds. */
  readonly exists: (logicalId: string) => boolean;
}

/** Longest chain of references followed: longer is a circle. */
const REFERENCES_MAX = 50;

const Pair = z.tuple([z.string(), z.unknown()]);
const SubArguments = z.union([
  z.string(),
  z.tuple([z.string(), z.record(z.string(), z.unknown())]),
]);
const JoinArguments = z.tuple([z.string(), z.unknown()]);
const AttributeArguments = z.union([
  z.tuple([z.string(), z.string()]),
  z.pipe(
    z.string().check(z.regex(/^[^.]+\..+$/)),
    z.transform((text: string): [string, string] => {
      const at = text.indexOf(".");
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  ),
]);

export function resolverOf(template: Template, site: Site): Resolver {
  return {
    resolve: (value, place) => resolveIn({ template, site, depth: 0 }, value, place),
    exists: (logicalId) => {
      const condition = template.Resources[logicalId]?.Condition;
      return condition === undefined || holds({ template, site, depth: 0 }, condition);
    },
  };
}

type Scope = { readonly template: Template; readonly site: Site; readonly depth: number };

function resolveIn(scope: Scope, value: unknown, place: string): unknown {
  if (Array.isArray(value))
    return value
      .map((one, index) => resolveIn(scope, one, `${place}.${index}`))
      .filter((one) => one !== undefined);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first && (first[0] === "Ref" || first[0].startsWith("Fn::")))
    return intrinsic(scope, first, place);
  return Object.fromEntries(
    entries
      .map(([key, one]) => [key, resolveIn(scope, one, `${place}.${key}`)])
      .filter(([, one]) => one !== undefined),
  );
}

function intrinsic(scope: Scope, [name, given]: [string, unknown], place: string): unknown {
  const all = (value: unknown) => resolveIn(scope, value, place);
  switch (name) {
    case "Ref":
      return reference(scope, argument(z.string(), given, name, place), place);
    case "Fn::GetAtt": {
      const [logicalId, attribute] = argument(AttributeArguments, given, name, place);
      return attributeOf(scope, { logicalId, attribute }, place);
    }
    case "Fn::Join": {
      const [separator, list] = argument(JoinArguments, given, name, place);
      return argument(z.array(z.string()), all(list), name, place).join(separator);
    }
    case "Fn::Split": {
      const [separator, text] = argument(Pair, given, name, place);
      return argument(z.string(), all(text), name, place).split(separator);
    }
    case "Fn::Select": {
      const [index, list] = argument(z.tuple([z.coerce.number(), z.unknown()]), given, name, place);
      return argument(z.array(z.unknown()), all(list), name, place)[index];
    }
    case "Fn::Sub":
      return substitute(scope, argument(SubArguments, given, name, place), place);
    case "Fn::If": {
      const [condition, yes, no] = argument(
        z.tuple([z.string(), z.unknown(), z.unknown()]),
        given,
        name,
        place,
      );
      return all(holds(scope, condition) ? yes : no);
    }
    default:
      throw new TemplateError(`${place}: not supported locally: ${name}`);
  }
}

function reference(scope: Scope, name: string, place: string): unknown {
  const { region, accountId, stackName } = scope.site;
  switch (name) {
    case "AWS::Region":
      return region;
    case "AWS::AccountId":
      return accountId;
    case "AWS::Partition":
      return "aws";
    case "AWS::URLSuffix":
      return "amazonaws.com";
    case "AWS::StackName":
      return stackName;
    case "AWS::NoValue":
      return undefined;
    default:
      return identityOf(scope, name, place).ref;
  }
}

function attributeOf(
  scope: Scope,
  { logicalId, attribute }: { readonly logicalId: string; readonly attribute: string },
  place: string,
): string {
  const { attributes, type } = identityOf(scope, logicalId, place);
  const value = attributes[attribute];
  if (value !== undefined) return value;
  throw new TemplateError(`${place}: not supported locally: attribute ${attribute} of ${type}`);
}

function identityOf(scope: Scope, logicalId: string, place: string) {
  const resource = scope.template.Resources[logicalId];
  if (resource === undefined)
    throw new TemplateError(`${place}: refers to ${logicalId}, which is no resource`);
  if (scope.depth >= REFERENCES_MAX) throw new TemplateError(`${place}: refers to itself`);
  const inner = { ...scope, depth: scope.depth + 1 };
  const identity = identify(scope.site, {
    logicalId,
    type: resource.Type,
    property: (name) => resolveIn(inner, resource.Properties[name], `${logicalId}.${name}`),
  });
  if (identity !== undefined) return { ...identity, type: resource.Type };
  throw new TemplateError(`${place}: not supported locally: reference to a ${resource.Type}`);
}

/** `${Name}`, `${Name.Attribute}`, `${!Literal}`. */
function substitute(scope: Scope, given: z.infer<typeof SubArguments>, place: string): string {
  const [text, own] = typeof given === "string" ? [given, {}] : given;
  return text.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => {
    if (name.startsWith("!")) return `\${${name.slice(1)}}`;
    if (Object.hasOwn(own, name)) return String(resolveIn(scope, own[name], place));
    const [logicalId = "", ...attribute] = name.split(".");
    return attribute.length === 0
      ? String(reference(scope, name, place))
      : attributeOf(scope, { logicalId, attribute: attribute.join(".") }, place);
  });
}

/** Whether a named condition holds. */
function holds(scope: Scope, name: string): boolean {
  if (!Object.hasOwn(scope.template.Conditions, name))
    throw new TemplateError(`condition ${name} is not there`);
  return truth(scope, scope.template.Conditions[name], `Conditions.${name}`);
}

function truth(scope: Scope, condition: unknown, place: string): boolean {
  const [entry] = Object.entries(argument(z.record(z.string(), z.unknown()), condition, "", place));
  const [name, given] = entry ?? ["nothing", undefined];
  const parts = () => argument(z.array(z.unknown()), given, name, place);
  switch (name) {
    case "Condition":
      return holds(scope, argument(z.string(), given, name, place));
    case "Fn::Equals": {
      const [left, right] = parts().map((part) => resolveIn(scope, part, place));
      return String(left) === String(right);
    }
    case "Fn::Not":
      return !truth(scope, parts()[0], place);
    case "Fn::And":
      return parts().every((part) => truth(scope, part, place));
    case "Fn::Or":
      return parts().some((part) => truth(scope, part, place));
    default:
      throw new TemplateError(`${place}: not supported locally: ${name}`);
  }
}

function argument<Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
  name: string,
  place: string,
): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TemplateError(`${place}: not supported locally: this form of ${name}`);
}
