// What a token of one project asks for of another, route by route, and what it is told (promise 4).

export interface Foreign {
  readonly connection: string;
  readonly identifier: string;
  readonly tokenId: string;
  readonly authRequestId: string;
  readonly endpointId: string;
  readonly requestId: string;
  readonly checkpoint: object;
}

/** One request for what is not ours. */
interface Way {
  readonly path: string;
  readonly body?: unknown;
  /** What a stranger is told; a list says 200 and holds nothing of the other project. */
  readonly status: 200 | 201 | 403 | 404 | 422;
}

const hosts = { web: "http://127.0.0.1:9", api: "http://127.0.0.1:9" };
const account = ({ connection, identifier }: Foreign) => `/v1/connections/${connection}/accounts/${identifier}`;

/** Every route of the product, asked for what belongs to the other project. A new route has to say here what it answers. */
export const ways: Readonly<Record<string, (foreign: Foreign) => Way>> = {
  "POST /v1/projects": () => ({ path: "/v1/projects", body: { name: "Mine" }, status: 403 }),
  "GET /v1/projects": () => ({ path: "/v1/projects", status: 403 }),
  "POST /v1/tokens": (foreign) => ({
    path: "/v1/tokens",
    body: { name: "t", scopes: ["tools"], account: { connection: foreign.connection, identifier: foreign.identifier } },
    status: 404,
  }),
  "GET /v1/tokens": () => ({ path: "/v1/tokens?limit=100", status: 200 }),
  "DELETE /v1/tokens/{id}": ({ tokenId }) => ({ path: `/v1/tokens/${tokenId}`, status: 404 }),
  "GET /v1/presets": () => ({ path: "/v1/presets", status: 200 }),
  "POST /v1/connections": ({ connection }) => ({
    // The name is free in this project: what is made is ours, and theirs stays as it was.
    path: "/v1/connections",
    body: { name: connection, preset: "github", client_id: "x", client_secret: "y", hosts },
    status: 404,
  }),
  "GET /v1/connections": () => ({ path: "/v1/connections?limit=100", status: 200 }),
  "GET /v1/connections/{name}": ({ connection }) => ({ path: `/v1/connections/${connection}`, status: 404 }),
  "PATCH /v1/connections/{name}": ({ connection }) => ({
    path: `/v1/connections/${connection}`,
    body: { client_secret: "stolen" },
    status: 404,
  }),
  "DELETE /v1/connections/{name}": ({ connection }) => ({
    path: `/v1/connections/${connection}?accounts=revoke`,
    status: 404,
  }),
  "PUT /v1/connections/{name}/accounts/{identifier}": (foreign) => ({ path: account(foreign), status: 404 }),
  "GET /v1/connections/{name}/accounts/{identifier}": (foreign) => ({
    path: `${account(foreign)}?check=true`,
    status: 404,
  }),
  "DELETE /v1/connections/{name}/accounts/{identifier}": (foreign) => ({
    path: `${account(foreign)}?grant=true`,
    status: 404,
  }),
  "POST /v1/connections/{name}/accounts/{identifier}/disconnect": (foreign) => ({
    path: `${account(foreign)}/disconnect`,
    status: 404,
  }),
  "POST /v1/connections/{name}/accounts/{identifier}/link": (foreign) => ({
    path: `${account(foreign)}/link`,
    body: {},
    status: 404,
  }),
  "POST /v1/connections/{name}/accounts/{identifier}/refresh": (foreign) => ({
    path: `${account(foreign)}/refresh`,
    status: 404,
  }),
  "POST /v1/accounts/verify": ({ authRequestId, identifier }) => ({
    path: "/v1/accounts/verify",
    body: { auth_request_id: authRequestId, identifier },
    status: 404,
  }),
  "GET /v1/accounts": () => ({ path: "/v1/accounts?limit=100", status: 200 }),
  "GET /v1/tools": () => ({ path: "/v1/tools", status: 200 }),
  "GET /v1/tools/{name}": () => ({ path: "/v1/tools/github_repo_get", status: 200 }),
  "POST /v1/tools/{name}/execute": ({ connection, identifier }) => ({
    path: "/v1/tools/github_user_repos_list/execute",
    body: { connection, identifier, input: {} },
    status: 404,
  }),
  "POST /v1/endpoints": ({ connection }) => ({
    path: "/v1/endpoints",
    body: { slug: "mine", name: "x", upstream_url: "https://api.github.com", connection },
    status: 404,
  }),
  "GET /v1/endpoints": () => ({ path: "/v1/endpoints?limit=100", status: 200 }),
  "GET /v1/endpoints/{slug}": () => ({ path: "/v1/endpoints/only_their_slug", status: 404 }),
  "PATCH /v1/endpoints/{slug}": ({ endpointId }) => ({
    path: `/v1/endpoints/${endpointId}`,
    body: { upstream_url: "https://thief.example" },
    status: 404,
  }),
  "DELETE /v1/endpoints/{slug}": ({ endpointId }) => ({ path: `/v1/endpoints/${endpointId}`, status: 404 }),
  "POST /v1/endpoints/{slug}/test": ({ endpointId }) => ({
    path: `/v1/endpoints/${endpointId}/test`,
    body: { path: "/user", call: true },
    status: 404,
  }),
  "POST /v1/connections/{name}/accounts/{identifier}/import": (foreign) => ({
    path: `${account(foreign)}/import`,
    body: { access_token: "gho_0123456789" },
    status: 404,
  }),
  "GET /v1/accounts/events": () => ({ path: "/v1/accounts/events?after=0&wait=0", status: 200 }),
  "GET /v1/requests": () => ({ path: "/v1/requests?limit=100", status: 200 }),
  "GET /v1/requests/stream": () => ({ path: "/v1/requests/stream?after=0&wait=0", status: 200 }),
  "GET /v1/requests/{id}": ({ requestId }) => ({ path: `/v1/requests/${requestId}`, status: 404 }),
  "GET /v1/stats": () => ({ path: "/v1/stats?window=7d", status: 200 }),
  "GET /v1/audit": () => ({ path: "/v1/audit?limit=100", status: 200 }),
  "GET /v1/audit/export.jsonl": () => ({ path: "/v1/audit/export.jsonl", status: 200 }),
  "GET /v1/audit/export.csv": () => ({ path: "/v1/audit/export.csv", status: 200 }),
  "GET /v1/audit/verify": () => ({ path: "/v1/audit/verify", status: 200 }),
  "POST /v1/audit/verify": ({ checkpoint }) => ({
    path: "/v1/audit/verify",
    body: { checkpoints: [checkpoint] },
    status: 422,
  }),
  "GET /v1/audit/checkpoints": () => ({ path: "/v1/audit/checkpoints?limit=100", status: 200 }),
  "POST /v1/audit/checkpoints": () => ({ path: "/v1/audit/checkpoints", status: 201 }),
};
