import type { Row } from "./documents.ts"; /** Rows become records here, each parsed once by the model's schema. */

/** The part of a schema that reading needs; every schema of `shared/model` is one. */
export interface RowSchema<T> {
  readonly safeParse: (
    value: unknown,
  ) =>
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly message: string } };
}

export type RowAddress = { readonly table: string; readonly key: string };

/** A row that does not parse is a bug or a foreign hand: an exception that names it. */
export function parseRow<T>(schema: RowSchema<T>, row: unknown, { table, key }: RowAddress): T {
  const parsed = schema.safeParse(row);
  if (parsed.success) return parsed.data;
  throw new Error(`row ${key} of table ${table} does not parse`, { cause: parsed.error });
}

/** The record of an item that holds one in `record`. */
export function parseRecord<T>(schema: RowSchema<T>, row: Row, address: RowAddress): T {
  return parseRow(schema, row["record"], address);
}
