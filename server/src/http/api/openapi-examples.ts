// Examples of the main routes in the OpenAPI document: a test holds each against the schema it stands beside.

export interface Example {
  readonly body?: unknown;
  /** Of the first answer with a body. */
  readonly answer?: unknown;
}

const project = "prj_6f1c2a7e9b3d4f5880a1c2d3e4f50617";
const at = "2026-11-21T09:30:00.000Z";
const in8Hours = "2026-11-21T17:30:00.000Z";

const account = {
  id: "acc_0b8e2d64a1c94f7f9d1e5a3c7b6f2e10",
  connection: "github",
  identifier: "user_gh_456",
  status: "ACTIVE",
  status_reason: null,
  status_changed_at: at,
  provider_user: { id: "583231", login: "octocat", name: "The Octocat" },
  scopes: [],
  expires_at: in8Hours,
  checked_at: at,
  last_used_at: null,
  installations: [
    {
      id: 4242,
      account: "octocat",
      repository_selection: "selected",
      url: "https://github.com/settings/installations/4242",
    },
  ],
  install_url: "https://github.com/apps/acme-bot/installations/new",
  warnings: [],
  created_at: at,
};

const pending = {
  ...account,
  status: "PENDING",
  provider_user: null,
  expires_at: null,
  checked_at: null,
  installations: null,
};

const connectionAsk = {
  name: "github",
  preset: "github-app",
  client_id: "Iv1.0123456789abcdef",
  client_secret: "your-client-secret",
  verification: "none",
};

export const examples: Readonly<Record<string, Example>> = {
  "POST /v1/projects": {
    body: { name: "Acme", environment: "live" },
    answer: {
      id: project,
      uuid: "6f1c2a7e-9b3d-4f58-80a1-c2d3e4f50617",
      name: "Acme",
      environment: "live",
      created_at: at,
      token: "bh_live_…",
    },
  },
  "POST /v1/tokens": {
    body: {
      name: "run-17",
      scopes: ["proxy", "tools"],
      account: { connection: "github", identifier: "user_gh_456" },
      limits: { access: "read", repositories: ["acme/api"] },
      expires_in: 3600,
    },
  },
  "POST /v1/connections": { body: connectionAsk },
  "PATCH /v1/connections/{name}": { body: { verify_url_origins: ["https://app.example.com"] } },
  "PUT /v1/connections/{name}/accounts/{identifier}": { answer: pending },
  "GET /v1/connections/{name}/accounts/{identifier}": { answer: account },
  "POST /v1/connections/{name}/accounts/{identifier}/link": {
    body: { return_url: "https://app.example.com/settings" },
    answer: { link: "https://behalf.example.com/connect/lk_…", expires_at: "2026-11-21T09:40:00.000Z" },
  },
  "POST /v1/connections/{name}/accounts/{identifier}/import": {
    body: { access_token: "github_pat_0123456789", scopes: ["repo"] },
    answer: account,
  },
  "POST /v1/accounts/verify": {
    body: { auth_request_id: "the-one-in-your-verify-url", identifier: "user_gh_456" },
    answer: account,
  },
  "POST /v1/tools/{name}/execute": {
    body: {
      connection: "github",
      identifier: "user_gh_456",
      input: { owner: "acme", repo: "api", title: "Bug" },
    },
    answer: { execution_id: "exe_5d0c7f4be2a94d6c8b1a3e9f70c2d481", data: { number: 142 } },
  },
  "POST /v1/endpoints": {
    body: {
      slug: "github",
      name: "GitHub API",
      upstream_url: "https://api.github.com",
      methods: ["GET", "POST", "PATCH", "DELETE"],
      connection: "github",
      identifier: "shared",
      timeout_seconds: 30,
      rate_limit_per_minute: 60,
    },
  },
  "PATCH /v1/endpoints/{slug}": { body: { active: false } },
  "POST /v1/endpoints/{slug}/test": { body: { method: "GET", path: "/user/repos?per_page=5", call: false } },
};
