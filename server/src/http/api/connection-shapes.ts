// Presets and connections as JSON: what comes in, what goes out.
import type * as Wire from "@behalf/sdk";
import { z } from "zod";
import { id, name, texts, time, url } from "./schemas.ts";

const hosts = z.strictObject({ web: url, api: url });
export const preset = z.object({
  name: z.string(),
  label: z.string(),
  kind: z.enum(["github", "oauth"]),
  hosts: hosts.nullable(),
  authorize_url: z.string().nullable(),
  token_url: z.string().nullable(),
  token_auth: z.enum(["body", "basic"]),
  default_scopes: z.array(z.string()),
  refresh: z.enum(["rotating", "kept", "none", "unknown"]),
  revocation: z.enum(["github", "rfc7009", "own", "none"]),
  upstream_url: z.string().nullable(),
  endpoint_headers: z.record(z.string(), z.string()),
  registration_url: z.string().nullable(),
  note: z.string(),
}) satisfies z.ZodType<Wire.Preset>;

const settings = z.strictObject({
  authorize_url: url.optional(),
  token_url: url.optional(),
  revoke_url: url.optional(),
  user_url: url.optional(),
  user_id_member: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/)
    .optional(),
  issuer: url.optional(),
  token_auth: z.enum(["body", "basic"]).optional(),
  scope_separator: z.enum([" ", ","]).optional(),
  app_slug: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,99}$/)
    .optional(),
});
const verification = z.enum(["custom", "none"]);
const connectionMembers = {
  client_id: z.string().regex(/^[\x21-\x7e]{1,255}$/),
  client_secret: z.string().regex(/^[\x20-\x7e]{1,1024}$/),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/)).max(100),
  hosts,
  settings,
  verification,
  allow_unverified: z.boolean(),
  verify_url_origins: texts(2048, 50),
};
export const connectionAsk = z.strictObject({
  name,
  preset: z.string().min(1).max(64),
  ...z.strictObject(connectionMembers).partial().shape,
});
export const connectionPatch = z.strictObject(connectionMembers).partial();
export const connection = z.object({
  id: id("con"),
  name: z.string(),
  preset: z.string(),
  client_id: z.string(),
  has_client_secret: z.boolean(),
  scopes: z.array(z.string()),
  hosts,
  settings: z.record(z.string(), z.string()),
  verification,
  allow_unverified: z.boolean(),
  verify_url_origins: z.array(z.string()),
  redirect_uri: z.string(),
  created_at: time,
  updated_at: time,
}) satisfies z.ZodType<Wire.Connection>;
