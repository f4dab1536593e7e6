// An OAuth server that others wrote (oidc-provider@9.13.3), strictly set up, with a person at it and an API that asks it.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";

const client = { client_id: "behalf-1.x_y", client_secret: "secret~with/odd+signs=0123456789" } as const;
const api = { client_id: "the-api", client_secret: "the-api-secret-0123456789-0123456789" } as const;

interface Granted {
  readonly access: string;
  readonly refresh: string;
}

export interface Identity {
  readonly issuer: string;
  readonly client: typeof client;
  /** The resource server: it answers with whose token it got, or with 401. */
  readonly api: string;
  /** Path of every request that came, in order. */
  readonly asked: string[];
  /** What the token endpoint gave, in order. */
  readonly granted: Granted[];
  /** Once the client's redirect URI is known. */
  register(redirectUri: string): void;
  /** The person signs in and agrees: the address they are sent back to. */
  approve(location: string, login: string): Promise<string>;
  /** A refresh token spent by somebody else than us. */
  replay(refresh: string): Promise<number>;
  isLive(token: string): Promise<boolean>;
  close(): Promise<void>;
}

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function startIdentity(): Promise<Identity> {
  const asked: string[] = [];
  const granted: Granted[] = [];
  let handle: ReturnType<Provider["callback"]> = (_request, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ""} ${(request.url ?? "").split("?", 1)[0] ?? ""}`);
    handle(request, response);
  });
  const issuer = await listening(server);
  const isLive = async (token: string): Promise<boolean> => {
    const answer = await ask(`${issuer}/token/introspection`, { token }, api);
    return ((await answer.json()) as { active?: boolean }).active === true;
  };
  const resource = createServer((request, response) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    void isLive(token).then((live) =>
      response
        .writeHead(live ? 200 : 401, { "content-type": "application/json" })
        .end(JSON.stringify({ path: request.url, live })),
    );
  });
  return {
    issuer,
    client,
    api: await listening(resource),
    asked,
    granted,
    isLive,
    register(redirectUri) {
      const provider = new Provider(issuer, configuration(redirectUri));
      provider.on("grant.success", ({ body }) => {
        granted.push({ access: String(body["access_token"]), refresh: String(body["refresh_token"]) });
      });
      handle = provider.callback();
    },
    approve,
    async replay(refresh) {
      return (await ask(`${issuer}/token`, { grant_type: "refresh_token", refresh_token: refresh }, client)).status;
    },
    async close() {
      for (const one of [server, resource]) {
        one.closeAllConnections();
        one.close();
        await once(one, "close");
      }
    },
  };
}

function configuration(redirectUri: string): Readonly<Record<string, unknown>> {
  const basic = { token_endpoint_auth_method: "client_secret_basic" };
  return {
    clients: [
      { ...client, ...basic, redirect_uris: [redirectUri], grant_types: ["authorization_code", "refresh_token"] },
      { ...api, ...basic, redirect_uris: [], grant_types: [], response_types: [] },
    ],
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
    },
    claims: { openid: ["sub"], profile: ["name", "preferred_username"] },
    issueRefreshToken: () => true,
    expiresWithSession: () => false,
    rotateRefreshToken: () => true,
    cookies: { keys: ["only-for-this-test"] },
    findAccount: (_context: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, name: sub.toUpperCase(), preferred_username: sub }),
    }),
  };
}

async function ask(url: string, body: Record<string, string>, as: typeof client | typeof api): Promise<Response> {
  const pair = [as.client_id, as.client_secret].map((part) => encodeURIComponent(part)).join(":");
  const authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
  return fetch(url, { method: "POST", headers: { authorization }, body: new URLSearchParams(body) });
}

/** Follows the provider's own pages, with its cookies, until it sends the browser to another origin. */
async function approve(location: string, login: string): Promise<string> {
  const cookies = new Map<string, string>();
  const { origin } = new URL(location);
  const visit = async (url: string, fields?: URLSearchParams): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const method = fields === undefined ? {} : { method: "POST", body: fields };
    const response = await fetch(url, { redirect: "manual", headers: { cookie }, ...method });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    return response;
  };
  let response = await visit(location);
  for (let steps = 0; steps < 12; steps += 1) {
    const next = response.headers.get("location");
    if (next !== null && new URL(next, origin).origin !== origin) return next;
    if (next !== null) {
      response = await visit(new URL(next, origin).href);
      continue;
    }
    const page = await response.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    const action = /action="([^"]+)"/.exec(page)?.[1];
    if (prompt === undefined || action === undefined) throw new Error(`No form: ${page.slice(0, 800)}`);
    response = await visit(new URL(action, origin).href, new URLSearchParams({ prompt, login, password: "any" }));
  }
  throw new Error("The provider's pages do not end");
}
