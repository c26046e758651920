/** Errors as AWS's JSON protocols write them. */

export type WireError = {
  readonly status: number;
  /** The shape's name, as in `__type`. */
  readonly type: string;
  readonly message: string;
  /** The code of the query protocol, which SQS's clients show (`x-amzn-query-error`). */
  readonly queryCode?: string | undefined;
};

export type WireAnswer =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly error: WireError };

export function refuse(error: WireError): WireAnswer {
  return { ok: false, error };
}

export function unknownOperation(name: string): WireError {
  return {
    status: 400,
    type: "com.amazon.coral.service#UnknownOperationException",
    message: `The operation ${name} is not known here.`,
    queryCode: "InvalidAction",
  };
}

export function malformed(message: string): WireError {
  return {
    status: 400,
    type: "com.amazon.coral.service#SerializationException",
    message,
    queryCode: "MalformedInput",
  };
}
