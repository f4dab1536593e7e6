// The shapes of `/v1`, checked against the SDK's types: a wire change that breaks a client breaks our own build first.
import type * as Wire from "@behalf/sdk";
import { z } from "zod";
import { accountStatuses } from "../../rules/account.ts";
import { parseCursor } from "../../rules/cursor.ts";
import { isName, parseIdentifier } from "../../rules/ids.ts";
import { scopes } from "../../rules/policy.ts";

const controls = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Plain text a person reads: no control and no bidi characters (design §10.19). */
export function plainText(lengthMax: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(lengthMax)
    .refine((text) => !controls.test(text) && text.isWellFormed(), "must not contain control or bidi characters")
    .meta({ pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]+$" });
}

export const name = z
  .string()
  .refine(isName, "must be 1 to 64 letters, digits, - or _, starting with a letter or digit, and not look like an id")
  .meta({
    pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
    description: "Names never start with an id prefix such as `con_`.",
  });

export const identifier = z
  .string()
  .refine((text) => parseIdentifier(text) !== undefined, "must have 1 to 255 characters and no control characters")
  .meta({ minLength: 1, maxLength: 255, description: "Your own opaque name for the person; case-sensitive." });

export const id = (prefix: string): z.ZodString => z.string().regex(new RegExp(`^${prefix}_[0-9a-f]{32}$`));
export const time = z.string().meta({ format: "date-time" });
export const url = z.string().min(1).max(2048).meta({ format: "uri" });
export const texts = (lengthMax: number, countMax: number): z.ZodArray<z.ZodString> =>
  z.array(z.string().min(1).max(lengthMax)).max(countMax);

export const none = z.strictObject({});

export const paging = {
  // Digits only: `Number` would also take `0x10`, `1e1` and blanks.
  limit: z
    .preprocess(
      (text) => (typeof text === "string" && /^\d{1,3}$/.test(text) ? Number(text) : text),
      z.number().int().min(1).max(100),
    )
    .default(50)
    .meta({ default: 50 }),
  cursor: z
    .string()
    .max(200)
    .refine((text) => parseCursor(text) !== undefined, "is not a cursor of ours")
    .optional(),
};

export const pageQuery = z.strictObject(paging);

export function pageOf<Item extends z.ZodType>(item: Item): z.ZodType {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() });
}

const environment = z.enum(["live", "test"]);
export const projectAsk = z.strictObject({ name: plainText(64), environment: environment.default("live") });
export const project = z.object({
  id: id("prj"),
  uuid: z.string(),
  name: z.string(),
  environment,
  created_at: time,
}) satisfies z.ZodType<Wire.Project>;
export const createdProject = project.extend({ token: z.string() }) satisfies z.ZodType<Wire.CreatedProject>;

const scope = z.enum(scopes);
const limits = z.strictObject({
  tools: texts(64, 200).optional(),
  access: z.enum(["read", "write"]).optional(),
  repositories: z
    .array(z.string().regex(/^[A-Za-z0-9._-]{1,100}\/[A-Za-z0-9._-]{1,100}$/))
    .max(200)
    .optional(),
  methods: z
    .array(z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]))
    .max(8)
    .optional(),
  endpoints: z.array(name).min(1).max(100).optional(),
}) satisfies z.ZodType<Wire.Limits>;
const count = z.number().int().min(1).max(1_000_000_000);
const budget = z.strictObject({
  requests_per_minute: count.max(1_000_000).optional(),
  requests_per_hour: count.max(10_000_000).optional(),
  requests: count.optional(),
  bytes: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  concurrent: count.max(10_000).optional(),
}) satisfies z.ZodType<Wire.Budget>;
const address = z.strictObject({ connection: name, identifier });
export const tokenAsk = z.strictObject({
  name: plainText(64),
  scopes: z.array(scope).min(1).max(scopes.length),
  limits: limits.optional(),
  budget: budget.optional(),
  account: address.optional(),
  expires_in: z
    .number()
    .int()
    .min(60)
    .max(10 * 365 * 86_400)
    .optional()
    .meta({ description: "Seconds; without it the token ends with its parent." }),
});
export const token = z.object({
  id: id("tok"),
  name: z.string(),
  preview: z.string(),
  scopes: z.array(scope),
  limits,
  budget,
  account_id: z.string().nullable(),
  parent_id: z.string().nullable(),
  created_at: time,
  expires_at: time.nullable(),
  last_used_at: time.nullable(),
  revoked_at: time.nullable(),
}) satisfies z.ZodType<Wire.Token>;
export const createdToken = token.extend({ token: z.string() }) satisfies z.ZodType<Wire.CreatedToken>;

export const accountStatus = z.enum(accountStatuses);
const providerUser = z.object({ id: z.string(), login: z.string().nullable(), name: z.string().nullable() });
const installation = z.object({
  id: z.number(),
  account: z.string(),
  repository_selection: z.enum(["all", "selected"]),
  url: z.string().nullable(),
});
export const account = z.object({
  id: id("acc"),
  connection: z.string(),
  identifier: z.string(),
  status: accountStatus,
  status_reason: z.string().nullable(),
  status_changed_at: time,
  provider_user: providerUser.nullable(),
  scopes: z.array(z.string()),
  expires_at: time.nullable(),
  checked_at: time.nullable(),
  last_used_at: time.nullable(),
  installations: z.array(installation).nullable(),
  install_url: z.string().nullable(),
  warnings: z.array(z.object({ code: z.string(), detail: z.string() })),
  created_at: time,
}) satisfies z.ZodType<Wire.Account>;
export const linkAsk = z.strictObject({
  verify_url: url.optional(),
  // PostgreSQL keeps no NUL, and half a surrogate pair would come back as another text.
  state: z
    .string()
    .min(1)
    .max(1024)
    .refine((text) => !text.includes("\u0000") && text.isWellFormed(), "must be well-formed text without NUL")
    .optional(),
  return_url: url.optional(),
});
export const link = z.object({ link: url, expires_at: time }) satisfies z.ZodType<Wire.Link>;
export const verifyAsk = z.strictObject({ auth_request_id: z.string().min(1).max(256), identifier });

export const tool = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  provider: z.string(),
  changes: z.boolean(),
  needs_account: z.boolean(),
  permissions: z.record(z.string(), z.string()),
  scopes: z.array(z.string()),
  input_schema: z.record(z.string(), z.unknown()),
  output_schema: z.record(z.string(), z.unknown()),
}) satisfies z.ZodType<Wire.Tool>;
export const toolAsk = z.strictObject({
  connection: name.optional(),
  identifier: identifier.optional(),
  input: z.unknown().optional(),
  run_id: plainText(128).optional(),
});
export const execution = z.object({ execution_id: z.string(), data: z.unknown() }) satisfies z.ZodType<Wire.Execution>;
