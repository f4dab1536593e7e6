// `/v1/audit`: what happened, taken out, proven, and signed.
import { z } from "zod";
import { createCheckpoint } from "../../flows/create-checkpoint.ts";
import { exportAudit } from "../../flows/export-audit.ts";
import { listAudit } from "../../flows/list-audit.ts";
import { listCheckpoints } from "../../flows/list-checkpoints.ts";
import { wholeChainOf } from "../../flows/steps/audit-chain.ts";
import { verifyChain } from "../../flows/verify-chain.ts";
import { namesFor, parseAuditCursor } from "../../rules/audit-filter.ts";
import * as auditShape from "./audit-shapes.ts";
import { type Route, type RouteAnswer, type RouteInput, route } from "./route.ts";
import * as shape from "./schemas.ts";

const common = { tag: "Audit", scope: "audit", params: shape.none } as const;

const time = z.iso.datetime({ offset: true });
const span = {
  since: time.optional().meta({ description: "Events from this time on." }),
  until: time.optional().meta({ description: "Events before this time." }),
};
const listQuery = z.strictObject({
  limit: shape.paging.limit,
  cursor: z
    .string()
    .max(30)
    .refine((text) => parseAuditCursor(text) !== undefined, "is not a cursor of ours")
    .optional()
    .meta({
      description: "A page may hold fewer events than `limit`, even none: only a null `next_cursor` is the end.",
    }),
  name: z
    .string()
    .max(64)
    .refine((text) => namesFor(text).length > 0, "is no name of an event, nor a family such as `account.*`")
    .optional(),
  subject: z
    .string()
    .regex(/^[\x21-\x7e]{1,64}$/)
    .optional()
    .meta({ description: "Id of what it happened to." }),
  actor: z
    .string()
    .regex(/^[a-z0-9_-]{1,64}$/)
    .optional()
    .meta({ description: "A kind (`token`, `person`, `system`), or one: the id of a token." }),
  ...span,
});
const exportQuery = z.strictObject(span);
const checkpointQuery = z.strictObject({
  limit: shape.paging.limit,
  cursor: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional(),
});
const verifyAsk = z.strictObject({ checkpoints: z.array(auditShape.auditCheckpoint).min(1).max(1000) });

function millis(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

type Export = RouteInput<unknown, z.output<typeof exportQuery>, unknown>;

function exported({ house, principal, query }: Export, format: "jsonl" | "csv"): RouteAnswer {
  const ask = { chains: [wholeChainOf(principal)], since: millis(query.since), until: millis(query.until) };
  return { status: 200, stream: exportAudit(house, { ...ask, format }) };
}

export const auditRoutes: readonly Route[] = [
  route({
    ...common,
    method: "GET",
    path: "/v1/audit",
    summary:
      "List what happened, newest first: in the project, or with an instance token that names none, in the instance",
    query: listQuery,
    body: shape.none,
    answers: { "200": shape.pageOf(auditShape.auditEvent) },
    refusals: ["forbidden"],
    run: async ({ house, principal, query }) => {
      const { name, subject, actor, limit } = query;
      const times = { since: millis(query.since), until: millis(query.until) };
      const after = query.cursor === undefined ? undefined : parseAuditCursor(query.cursor);
      return { status: 200, body: await listAudit(house, principal, { name, subject, actor, ...times, limit, after }) };
    },
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/audit/export.jsonl",
    summary: "Take the chain out as JSON Lines, oldest first, with everything that each link is made of",
    query: exportQuery,
    body: shape.none,
    answers: { "200": z.string() },
    produces: "application/jsonl",
    refusals: ["forbidden"],
    run: async (input) => Promise.resolve(exported(input, "jsonl")),
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/audit/export.csv",
    summary: "Take the chain out as CSV that a spreadsheet may open: what begins like a formula gets an apostrophe",
    query: exportQuery,
    body: shape.none,
    answers: { "200": z.string() },
    produces: "text/csv",
    refusals: ["forbidden"],
    run: async (input) => Promise.resolve(exported(input, "csv")),
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/audit/verify",
    summary: "Check every link of the chain and every checkpoint in the database; the first bad event is named",
    query: shape.none,
    body: shape.none,
    answers: { "200": auditShape.auditVerification },
    refusals: ["forbidden"],
    run: async ({ house, principal, about: { signal } }) => ({
      status: 200,
      body: await verifyChain(house, principal, { saved: [], signal }),
    }),
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/audit/verify",
    summary: "Check the chain against checkpoints that you kept: a cut tail or an older database put back is found",
    judgesAccess: true,
    query: shape.none,
    body: verifyAsk,
    answers: { "200": auditShape.auditVerification },
    refusals: ["forbidden"],
    run: async ({ house, principal, body, about: { signal } }) => ({
      status: 200,
      body: await verifyChain(house, principal, { saved: body.checkpoints, signal }),
    }),
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/audit/checkpoints",
    summary: "List the signed checkpoints of the chain, newest first, with the public key that proves them",
    query: checkpointQuery,
    body: shape.none,
    answers: { "200": auditShape.auditCheckpoints },
    refusals: ["forbidden"],
    run: async ({ house, principal, query: { limit, cursor } }) => ({
      status: 200,
      body: await listCheckpoints(house, principal, { limit, before: cursor === undefined ? null : Number(cursor) }),
    }),
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/audit/checkpoints",
    summary: "Sign where the chain ends now; keep the answer elsewhere (200 when this end was signed before)",
    query: shape.none,
    body: shape.none,
    answers: { "200": auditShape.auditCheckpoint, "201": auditShape.auditCheckpoint },
    refusals: ["forbidden", "conflict"],
    run: async ({ house, principal }) => {
      const { checkpoint, created } = await createCheckpoint(house, wholeChainOf(principal));
      return { status: created ? 201 : 200, body: checkpoint };
    },
  }),
];
