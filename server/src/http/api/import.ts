// `POST /v1/connections/{name}/accounts/{identifier}/import`.
import { z } from "zod";
import { importAccount } from "../../flows/import-account.ts";
import { connectionAsk } from "./connection-shapes.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

const secretText = z.string().regex(/^[\x21-\x7e]{1,16384}$/, "must be printable ASCII without blanks");
const importAsk = z.strictObject({
  access_token: secretText,
  refresh_token: secretText.optional(),
  expires_at: z.iso
    .datetime({ offset: true })
    .optional()
    .meta({ description: "When the access token ends; without it, and with a refresh token, it is refreshed soon." }),
  scopes: connectionAsk.shape.scopes,
});

export const importRoutes: readonly Route[] = [
  route({
    tag: "Accounts",
    scope: "admin",
    method: "POST",
    path: "/v1/connections/{name}/accounts/{identifier}/import",
    summary: "Bring a credential that exists already; the provider is asked about it, and the account becomes ACTIVE",
    params: z.strictObject({ name: z.string().max(64), identifier: z.string().max(1024) }),
    query: shape.none,
    body: importAsk,
    answers: { "200": shape.account, "201": shape.account },
    refusals: ["not_found", "forbidden", "account_mismatch", "not_supported", "upstream_unavailable"],
    run: async ({ house, principal, params, body }) => {
      const address = { connection: params.name, identifier: params.identifier };
      const { account, created } = await importAccount(house, principal, { address, request: body });
      return { status: created ? 201 : 200, body: account };
    },
  }),
];
