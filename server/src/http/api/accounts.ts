// `/v1/accounts` and `/v1/connections/{name}/accounts/{identifier}`.
import { z } from "zod";
import { createLink } from "../../flows/create-link.ts";
import { endAccount } from "../../flows/end-account.ts";
import { ensureAccount } from "../../flows/ensure-account.ts";
import { listAccounts } from "../../flows/list-accounts.ts";
import { readAccount } from "../../flows/read-account.ts";
import { refreshAccount } from "../../flows/refresh-account.ts";
import { verifyAccount } from "../../flows/verify-account.ts";
import { parseCursor } from "../../rules/cursor.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

const path = "/v1/connections/{name}/accounts/{identifier}";
const params = z.strictObject({ name: z.string().max(64), identifier: z.string().max(1024) });
const common = { tag: "Accounts", scope: "accounts", params, query: shape.none, body: shape.none } as const;
const flag = z.enum(["true", "false"]).optional();

function addressOf(named: z.output<typeof params>) {
  return { connection: named.name, identifier: named.identifier };
}

export const accountRoutes: readonly Route[] = [
  route({
    ...common,
    method: "PUT",
    path,
    summary: "Get or make an account; safe to repeat and to call from many places at once",
    answers: { "200": shape.account, "201": shape.account },
    refusals: ["not_found", "forbidden"],
    run: async (ask) => {
      const { account, created } = await ensureAccount(ask.house, ask.principal, addressOf(ask.params));
      return { status: created ? 201 : 200, body: account };
    },
  }),
  route({
    ...common,
    method: "GET",
    path,
    summary:
      "Show an account; with `check=true` the provider is asked whether its token lives (at most every 10 seconds)",
    query: z.strictObject({ check: flag }),
    answers: { "200": shape.account },
    refusals: ["not_found", "forbidden"],
    run: async (ask) => ({
      status: 200,
      body: await readAccount(ask.house, ask.principal, {
        address: addressOf(ask.params),
        check: ask.query.check === "true",
      }),
    }),
  }),
  route({
    ...common,
    method: "DELETE",
    path,
    summary: "Revoke at the provider, then erase: 204 when done, 202 while the provider cannot be reached",
    query: z.strictObject({ grant: flag }),
    answers: { "202": null, "204": null },
    refusals: ["not_found", "forbidden"],
    run: async (ask) => {
      const address = addressOf(ask.params);
      const over = await endAccount(ask.house, ask.principal, {
        address,
        keepRow: false,
        wholeGrant: ask.query.grant === "true",
      });
      return { status: over ? 204 : 202 };
    },
  }),
  route({
    ...common,
    method: "POST",
    path: `${path}/disconnect`,
    summary: "Revoke at the provider and keep the account: 200 when done, 202 while the provider cannot be reached",
    query: z.strictObject({ grant: flag }),
    answers: { "200": shape.account, "202": shape.account },
    refusals: ["not_found", "forbidden"],
    run: async (ask) => {
      const address = addressOf(ask.params);
      const over = await endAccount(ask.house, ask.principal, {
        address,
        keepRow: true,
        wholeGrant: ask.query.grant === "true",
      });
      return { status: over ? 200 : 202, body: await readAccount(ask.house, ask.principal, { address, check: false }) };
    },
  }),
  route({
    ...common,
    method: "POST",
    path: `${path}/link`,
    summary: "Make a single-use link with which the person connects; it lives 10 minutes",
    body: shape.linkAsk,
    answers: { "201": shape.link },
    refusals: ["not_found", "forbidden", "conflict"],
    run: async (ask) => ({
      status: 201,
      body: await createLink(ask.house, ask.principal, { address: addressOf(ask.params), request: ask.body }),
    }),
  }),
  route({
    ...common,
    method: "POST",
    path: `${path}/refresh`,
    summary: "Refresh the account's tokens now",
    answers: { "200": shape.account },
    refusals: [
      "not_found",
      "forbidden",
      "account_pending",
      "account_verifying",
      "account_expired",
      "account_revoked",
      "account_disconnected",
      "upstream_unavailable",
      "connection_misconfigured",
    ],
    run: async (ask) => ({ status: 200, body: await refreshAccount(ask.house, ask.principal, addressOf(ask.params)) }),
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/accounts/verify",
    summary: "Confirm which person authorised; the account becomes ACTIVE",
    params: shape.none,
    body: shape.verifyAsk,
    answers: { "200": shape.account },
    refusals: ["not_found", "verification_mismatch", "forbidden"],
    run: async (ask) => ({ status: 200, body: await verifyAccount(ask.house, ask.principal, ask.body) }),
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/accounts",
    summary: "List accounts",
    params: shape.none,
    query: z.strictObject({
      ...shape.paging,
      connection: shape.name.optional(),
      identifier: shape.identifier.optional(),
      status: shape.accountStatus.optional(),
    }),
    answers: { "200": shape.pageOf(shape.account) },
    refusals: ["not_found"],
    run: async ({ house, principal, query }) => {
      const { cursor, ...filter } = query;
      return {
        status: 200,
        body: await listAccounts(house, principal, { ...filter, after: parseCursor(cursor ?? "") }),
      };
    },
  }),
];
