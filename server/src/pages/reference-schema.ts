// A JSON Schema as rows of a table: one for each member, however deep, with its type and what it may hold. Pure.
import type { SchemaObject } from "./reference-document.ts";

export interface SchemaRow {
  /** `limits.repositories[]` */
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string | undefined;
  /** Values, bounds and default. */
  readonly notes: readonly string[];
}

/** Of every member below; a schema that is no object with named members has one row, its own. */
export function rowsOf(schema: SchemaObject): readonly SchemaRow[] {
  const rows = membersOf(schema, "");
  return rows.length > 0 || schema.type === "object" ? rows : [rowOf("", schema, true)];
}

function membersOf(schema: SchemaObject, prefix: string): SchemaRow[] {
  const inner = innerOf(schema);
  const named = Object.entries(inner.properties ?? {}).flatMap(([name, member]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    return [rowOf(path, member, (inner.required ?? []).includes(name)), ...below(member, path)];
  });
  const rest = inner.additionalProperties;
  const others = typeof rest === "object" && Object.keys(rest).length > 0 ? below(inner, prefix) : [];
  return [...named, ...others];
}

/** Of what an array or a map holds. */
function below(schema: SchemaObject, path: string): SchemaRow[] {
  const inner = innerOf(schema);
  if (inner.items !== undefined) return membersOf(inner.items, `${path}[]`);
  const rest = inner.additionalProperties;
  if (typeof rest === "object" && innerOf(rest).properties !== undefined) return membersOf(rest, `${path}.*`);
  return inner.properties === undefined ? [] : membersOf(inner, path);
}

/** The one alternative that has more to say than `null`. */
function innerOf(schema: SchemaObject): SchemaObject {
  const others = (schema.anyOf ?? []).filter(({ type }) => type !== "null");
  const [only] = others;
  return only !== undefined && others.length === 1 ? only : schema;
}

function rowOf(name: string, schema: SchemaObject, required: boolean): SchemaRow {
  return { name, type: typeOf(schema), required, description: schema.description, notes: notesOf(schema) };
}

export function typeOf(schema: SchemaObject): string {
  const { $ref, anyOf, items, prefixItems } = schema;
  if ($ref !== undefined) return $ref.slice($ref.lastIndexOf("/") + 1);
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeOf))].join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (prefixItems !== undefined) return `[${prefixItems.map(typeOf).join(", ")}]`;
  return items === undefined ? plainType(schema) : `list of ${typeOf(items)}`;
}

function plainType({ type, format, properties, additionalProperties: rest }: SchemaObject): string {
  if (typeof rest === "object" && properties === undefined && type === "object")
    return Object.keys(rest).length === 0 ? "object" : `map of ${typeOf(rest)}`;
  if (format === "date-time") return "time";
  if (format === "uri") return "URL";
  return (typeof type === "string" ? type : type?.join(" or ")) ?? "any value";
}

/** More than this names no bound that anybody meets. */
const boundMax = Number.MAX_SAFE_INTEGER;

export function notesOf(schema: SchemaObject): string[] {
  const inner = innerOf(schema);
  const values = inner.enum ?? inner.items?.enum;
  return [
    ...(values === undefined ? [] : [`one of ${values.map((value) => JSON.stringify(value)).join(", ")}`]),
    ...span(inner.minimum, inner.maximum, ""),
    ...span(inner.minLength, inner.maxLength, " characters"),
    ...span(inner.minItems, inner.maxItems, " items"),
    ...(inner.pattern === undefined ? [] : [`matches ${inner.pattern}`]),
    ...(schema.default === undefined ? [] : [`default ${JSON.stringify(schema.default)}`]),
  ];
}

function span(least: number | undefined, most: number | undefined, unit: string): string[] {
  const low = least === undefined || least <= -boundMax ? undefined : least;
  const high = most === undefined || most >= boundMax ? undefined : most;
  if (low !== undefined && high !== undefined) return [`${low} to ${high}${unit}`];
  if (low !== undefined) return [`at least ${low}${unit}`];
  return high === undefined ? [] : [`at most ${high}${unit}`];
}
