// `/v1/tokens`: gateway tokens.
import { z } from "zod";
import { listTokens } from "../../flows/list-tokens.ts";
import { mintToken } from "../../flows/mint-token.ts";
import { revokeToken } from "../../flows/revoke-token.ts";
import { parseCursor } from "../../rules/cursor.ts";
import type { TokenId } from "../../rules/ids.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

const common = { tag: "Tokens", scope: "tokens" } as const;

export const tokenRoutes: readonly Route[] = [
  route({
    ...common,
    method: "POST",
    path: "/v1/tokens",
    summary: "Mint a token that holds no more than yours; it is in the answer and nowhere else",
    params: shape.none,
    query: shape.none,
    body: shape.tokenAsk,
    answers: { "201": shape.createdToken },
    refusals: ["forbidden", "limit_not_allowed", "not_found"],
    run: async ({ house, principal, body }) => ({ status: 201, body: await mintToken(house, principal, body) }),
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/tokens",
    summary: "List the tokens of the project, or without `admin` your own and those minted with it",
    params: shape.none,
    query: shape.pageQuery,
    body: shape.none,
    answers: { "200": shape.pageOf(shape.token) },
    refusals: [],
    run: async ({ house, principal, query }) => ({
      status: 200,
      body: await listTokens(house, principal, { limit: query.limit, after: parseCursor(query.cursor ?? "") }),
    }),
  }),
  route({
    ...common,
    method: "DELETE",
    path: "/v1/tokens/{id}",
    summary: "Revoke a token and everything minted with it",
    params: z.strictObject({ id: z.string().max(64) }),
    query: shape.none,
    body: shape.none,
    answers: { "204": null },
    refusals: ["not_found"],
    run: async ({ house, principal, params }) => {
      await revokeToken(house, principal, params.id as TokenId);
      return { status: 204 };
    },
  }),
];
