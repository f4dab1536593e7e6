// The part of the OpenAPI document that no route table makes: the raw proxy doors and what machines ask of the server.
import type { OperationObject, ParameterObject, ResponseObject } from "../../pages/reference-document.ts";
import { proxyStatus } from "../../rules/proxy-status.ts";
import { Refusal, type RefusalCode, refusals } from "../../rules/refusal.ts";
import { failures } from "./openapi-parts.ts";

/** OpenAPI 3.1 has no word for QUERY, which the doors let through too. */
const methods = ["get", "head", "post", "put", "patch", "delete", "options"] as const;

/** What a raw call may be refused with before anything of upstream comes back. */
const rawRefusals = (Object.keys(refusals) as RefusalCode[]).filter(
  (code) =>
    /^account_|^upstream_(rate_limited|secondary_limited|unavailable|timeout|blocked|unauthorized)$/.test(code) ||
    [
      "unauthenticated",
      "token_expired",
      "scope_missing",
      "limit_not_allowed",
      "forbidden",
      "project_required",
      "invalid_request",
      "not_found",
      "method_not_allowed",
      "not_supported",
      "conflict",
      "connection_misconfigured",
      "rate_limited",
      "budget_exceeded",
      "unavailable",
      "internal",
    ].includes(code),
);

const passed: ResponseObject = {
  description:
    "Upstream's answer as it came: status, end-to-end headers and bytes, streamed. It never carries Behalf-Refusal.",
  content: { "*/*": {} },
};

function path(name: string, description: string): ParameterObject {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

function header(name: string, description: string): ParameterObject {
  return { name, in: "header", required: false, description, schema: { type: "string" } };
}

const tail = path(
  "path",
  "What follows, slashes and query included, byte for byte. What could climb out of the upstream is refused.",
);
const project = header("Behalf-Project", "Names the project of an instance token.");

interface Door {
  readonly path: string;
  readonly id: string;
  readonly surface: "endpoint" | "proxy" | "github";
  readonly methods: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly ParameterObject[];
  readonly refusals: readonly RefusalCode[];
}

const doors: readonly Door[] = [
  {
    path: "/api/{project}/proxy/{slug}/{path}",
    id: "Endpoint",
    surface: "endpoint",
    methods,
    summary: "Call through an endpoint",
    description:
      "Needs the scope `proxy`. The endpoint says which upstream, which account, which methods, which headers, how long and how often. Anything that is wrong with the account or its connection is 502 with the title `Upstream OAuth connection failed`. Upstream's own 429 passes as it is; ours carries `Behalf-Refusal`.",
    parameters: [
      path("project", "The project's id (`prj_…`) or its UUID."),
      path("slug", "The endpoint's slug or id."),
      tail,
    ],
    refusals: [...rawRefusals, "endpoint_paused"],
  },
  {
    path: "/proxy/{path}",
    id: "Proxy",
    surface: "proxy",
    methods,
    summary: "Call the API of a connection as a person",
    description:
      "Needs the scope `proxy`. The person is named by two headers, or by the account that the token is bound to. An account that cannot be used is 403, because clients repeat 5xx.",
    parameters: [
      tail,
      header("connection_name", "The connection, literally. A reverse proxy must let underscores through."),
      header("identifier", "The person, literally as UTF-8."),
      header("Behalf-Connection", "The connection, in place of `connection_name`."),
      header("Behalf-Identifier", "The person, percent-encoded, in place of `identifier`."),
      project,
    ],
    refusals: rawRefusals,
  },
  {
    path: "/api/v3/{path}",
    id: "GitHub",
    surface: "github",
    methods,
    summary: "GitHub's REST API, in the shape of GitHub Enterprise Server",
    description:
      "Needs the scope `proxy` and a token that is bound to an account. Octokit (`baseUrl`) and gh work unmodified; `Authorization: token …` is accepted too. Refusals have GitHub's shape.",
    parameters: [tail, project],
    refusals: rawRefusals,
  },
  {
    path: "/api/graphql",
    id: "GitHubGraphQL",
    surface: "github",
    methods: ["post"],
    summary: "GitHub's GraphQL API, in the shape of GitHub Enterprise Server",
    description:
      "Needs the scope `proxy` and a token that is bound to an account. Refused for tokens that may only read, or that are limited to repositories.",
    parameters: [project],
    refusals: rawRefusals,
  },
];

/** A refusal that is about the credential of the account has another status than one about the call. */
function statusesOf(code: RefusalCode, surface: Door["surface"]): readonly number[] {
  const { status } = proxyStatus(new Refusal(code), surface);
  const mayBeCredential = code === "connection_misconfigured";
  const other = proxyStatus(new Refusal(code, { credential: mayBeCredential }), surface).status;
  return [...new Set([status, other])];
}

function doorOperation(door: Door, method: string): OperationObject {
  const { surface, summary, description, parameters } = door;
  const hasBody = !["get", "head", "options"].includes(method);
  const saying = {
    shape: surface === "github" ? "GitHubProblem" : "Problem",
    marked: true,
    statusesOf: (code: RefusalCode) => statusesOf(code, surface),
  } as const;
  const answers = failures(door.refusals, saying);
  return {
    operationId: `${method}${door.id}`,
    summary,
    description,
    tags: ["Proxy"],
    parameters,
    ...(hasBody ? { requestBody: { required: false, content: { "*/*": {} } } } : {}),
    responses: { ...answers, default: passed },
    ...(door.methods.length > 1 ? { "x-any-method": true } : {}),
  };
}

const text = { "text/plain": { schema: { type: "string" } } };

function machine(id: string, words: { readonly summary: string; readonly description: string }) {
  return (responses: Readonly<Record<string, ResponseObject>>, security: OperationObject["security"]) => ({
    get: {
      operationId: id,
      ...words,
      tags: ["Operations"],
      parameters: [],
      responses,
      ...(security === undefined ? {} : { security }),
    },
  });
}

const answer = (description: string): ResponseObject => ({ description, content: text });

const operations = {
  "/healthz": machine("getHealth", {
    summary: "Whether the process is alive",
    description: "Looks at nothing else: a database that is away must not get the process restarted.",
  })({ "200": answer("It is.") }, []),
  "/readyz": machine("getReadiness", {
    summary: "Whether the server can answer requests, with a line for each thing it stands on",
    description: "Database and keys are needed; Redis is looked at and may be away.",
  })({ "200": answer("Ready."), "503": answer("Not ready: the lines say what is missing.") }, []),
  "/metrics": machine("getMetrics", {
    summary: "Figures for Prometheus",
    description:
      "With BEHALF_METRICS_TOKEN as a bearer token; where none is set, only for callers on the same machine.",
  })(
    {
      "200": answer("In Prometheus's text format."),
      "401": answer("The token is missing or wrong."),
      "403": answer("No token is set, and the caller is on another machine."),
    },
    [{ metricsToken: [] }, {}],
  ),
};

export function doorPaths(): Record<string, Record<string, OperationObject>> {
  const raw = doors.map(
    (door) =>
      [door.path, Object.fromEntries(door.methods.map((method) => [method, doorOperation(door, method)]))] as const,
  );
  return { ...Object.fromEntries(raw), ...operations };
}
