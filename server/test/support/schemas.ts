// From a published JSON Schema to requests that fit it, and requests that do not.
import fc from "fast-check";

export interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Values worth trying where a member of that name stands, beside what its schema gives. */
export type Hints = Readonly<Record<string, readonly unknown[]>>;

const urls = [
  "https://app.example/done?x=1",
  "https://app.example",
  "http://127.0.0.1:1/x",
  "https://evil.example/",
  "javascript:alert(1)",
];

function textOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { pattern, format, minLength = 0, maxLength = 40 } = schema;
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, "u"), { size: "small" });
  if (format === "uri") return fc.oneof(fc.constantFrom(...urls), fc.webUrl());
  if (format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  return fc.string({ unit: "grapheme", minLength, maxLength: Math.min(maxLength, minLength + 40) });
}

const makers: Readonly<Record<string, (schema: JsonSchema, hints: Hints) => fc.Arbitrary<unknown>>> = {
  string: textOf,
  integer: ({ minimum = -1000, maximum = 1000 }) => fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31) }),
  boolean: () => fc.boolean(),
  null: () => fc.constant(null),
  array: ({ items = {}, minItems = 0, maxItems = 3 }, hints) =>
    fc.array(fitting(items, hints), { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, 3)) }),
  object: objectOf,
};

/** A value that fits; members that need not be there sometimes are not. */
export function fitting(schema: JsonSchema, hints: Hints = {}): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => fitting(one, hints)));
  return makers[schema.type ?? ""]?.(schema, hints) ?? fc.jsonValue({ maxDepth: 2 });
}

function objectOf(schema: JsonSchema, hints: Hints): fc.Arbitrary<unknown> {
  const members = Object.entries(schema.properties ?? {}).map(([name, member]) => {
    const known = hints[name] ?? [];
    return [
      name,
      known.length === 0
        ? fitting(member, hints)
        : fc.oneof(
            { weight: 6, arbitrary: fc.constantFrom(...known) },
            { weight: 1, arbitrary: fitting(member, hints) },
          ),
    ] as const;
  });
  return fc.record(Object.fromEntries(members), { requiredKeys: [...(schema.required ?? [])], noNullPrototype: true });
}

export const hostile = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e21,
    "",
    "\0",
    "\ud800",
    "\u202e",
    "a\r\nb",
    "%00",
    "__proto__",
    [],
    {},
    [[]],
    "x".repeat(3000),
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: "binary" }),
);

/** A value that mostly fits, with now and then one thing wrong somewhere, or everything. */
export function nearlyFitting(schema: JsonSchema, hints: Hints = {}): fc.Arbitrary<unknown> {
  const fits = fitting(schema, hints);
  const broken = fc
    .tuple(fits, hostile, fc.nat(), fc.constantFrom("replace", "remove", "add"))
    .map(([value, bad, at, how]) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return bad;
      const members = Object.entries(value as Record<string, unknown>);
      const chosen = members[at % Math.max(members.length, 1)]?.[0] ?? "x";
      const name = how === "add" ? (typeof bad === "string" ? bad : "x") : chosen;
      if (how === "remove") return Object.fromEntries(members.filter(([one]) => one !== name));
      return Object.fromEntries([...members.filter(([one]) => one !== name), [name, bad]]);
    });
  return fc.oneof({ weight: 6, arbitrary: fits }, { weight: 3, arbitrary: broken }, { weight: 1, arbitrary: hostile });
}
