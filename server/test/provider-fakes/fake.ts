// A provider's authorization server and user-info call, driven by what is known of it: it refuses what the provider refuses.
import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { ClientProof, Facts, Pair, Said } from "./facts.ts";

// Characters that the form encoding of RFC 6749 §2.3.1 would change.
export const fakeClient = { id: "463558a3-725e.4f37_b6d3", secret: "s~e/c+r=et:1" } as const;

interface Grant {
  readonly scopes: readonly string[];
  readonly access: Set<string>;
  readonly refresh: Set<string>;
  readonly hasRefresh: boolean;
}

interface Code {
  readonly grant: Grant;
  readonly redirectUri: string;
  readonly challenge: string | null;
}

interface Heard {
  readonly at: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export class ProviderFake {
  readonly #facts: Facts;
  readonly #redirectUris: readonly string[];
  readonly #codes = new Map<string, Code>();
  readonly #grants: Grant[] = [];
  readonly #faults: Said[] = [];
  #origin = "";
  #close = async (): Promise<void> => undefined;
  /** Host and path of every request, in order. */
  readonly heard: Heard[] = [];

  constructor(facts: Facts, redirectUris: readonly string[]) {
    this.#facts = facts;
    this.#redirectUris = redirectUris;
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        const one = { at: url.slice(1), method, headers, body: Buffer.concat(chunks).toString() };
        this.heard.push(one);
        const said = this.#faults.shift() ?? this.#answer(one);
        response.writeHead(said.status, { "content-type": "application/json" }).end(JSON.stringify(said.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#close = async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    };
    return this;
  }

  async close(): Promise<void> {
    await this.#close();
  }

  /** Where this fake plays `https://host`. */
  at(url: string): string {
    return url.replace(/^https:\//, this.#origin);
  }

  fail(said: Said): void {
    this.#faults.push(said);
  }

  /** The person says yes: the address they are sent back to. Throws where the provider would show an error page. */
  approve(location: string): string {
    const { at, demands, scopes, iss, pkce } = this.#facts.authorize;
    const url = new URL(location);
    if (url.origin + url.pathname !== `${this.#origin}/${at}`) throw new Error(`no such page: ${location}`);
    const get = (name: string): string => url.searchParams.get(name) ?? "";
    if (get("response_type") !== "code" || get("client_id") !== fakeClient.id) throw new Error("unknown client");
    if (!this.#redirectUris.includes(get("redirect_uri"))) throw new Error("redirect_uri is not registered");
    for (const [name, value] of Object.entries(demands))
      if (get(name) !== value) throw new Error(`${name} has to be ${value}`);
    const asked = get(scopes.parameter)
      .split(scopes.separator)
      .filter((scope) => scope !== "");
    const missing = scopes.demanded.find((scope) => !asked.includes(scope));
    if (missing !== undefined) throw new Error(`scope ${missing} is missing`);
    if (pkce === "enforced" && get("code_challenge_method") !== "S256") throw new Error("code_challenge is missing");
    const needs = this.#facts.token.refreshNeeds;
    const hasRefresh = needs === null || get(needs.parameter).split(" ").includes(needs.includes);
    const grant: Grant = { scopes: asked, access: new Set(), refresh: new Set(), hasRefresh };
    const code = `code-${randomBytes(8).toString("hex")}`;
    const challenge = url.searchParams.get("code_challenge");
    this.#codes.set(code, { grant, redirectUri: get("redirect_uri"), challenge });
    this.#grants.push(grant);
    const back = new URL(get("redirect_uri"));
    back.searchParams.set("code", code);
    back.searchParams.set("state", get("state"));
    if (iss !== null) back.searchParams.set("iss", iss);
    return back.href;
  }

  /** Access and refresh tokens that still work. */
  live(): string[] {
    return this.#grants.flatMap(({ access, refresh }) => [...access, ...refresh]);
  }

  /** The person removes the application at the provider. */
  withdraw(): void {
    for (const { access, refresh } of this.#grants) {
      access.clear();
      refresh.clear();
    }
  }

  #answer(heard: Heard): Said {
    const { token, revoke, person } = this.#facts;
    if (heard.at === token.at && heard.method === "POST") return this.#token(heard);
    if (revoke !== null && heard.at === revoke.at && heard.method === "POST") return this.#revoke(heard, revoke);
    if (heard.at === person.at && heard.method === person.method) return this.#person(heard);
    return { status: 404, body: "no such address" };
  }

  #token(heard: Heard): Said {
    const { token } = this.#facts;
    const body = bodyOf(heard, token);
    if (body === undefined) return token.says.badRequest;
    if (!isProven(heard, body, token.proof)) return token.says.badClient;
    if (body.get("grant_type") === "authorization_code") return this.#exchange(body);
    if (body.get("grant_type") === "refresh_token") return this.#refresh(body);
    return token.says.badRequest;
  }

  #exchange(body: ReadonlyMap<string, string>): Said {
    const { token, authorize } = this.#facts;
    const text = body.get("code") ?? "";
    const code = this.#codes.get(text);
    this.#codes.delete(text);
    if (code === undefined) return token.says.badCode;
    if (body.get("redirect_uri") !== code.redirectUri) return token.says.badRedirect;
    const verifier = body.get("code_verifier");
    if (authorize.pkce === "breaks" && (verifier !== undefined || code.challenge !== null))
      return { status: 200, body: { ok: false, error: "internal_error" } };
    const hash = createHash("sha256")
      .update(verifier ?? "")
      .digest("base64url");
    if (authorize.pkce === "enforced" && hash !== code.challenge) return token.says.badCode;
    return token.first(issue(code.grant, null));
  }

  #refresh(body: ReadonlyMap<string, string>): Said {
    const { token } = this.#facts;
    const old = body.get("refresh_token") ?? "";
    const grant = this.#grants.find(({ refresh }) => refresh.has(old));
    if (grant === undefined) return token.says.badRefresh;
    if (token.refresh === "rotating") {
      grant.refresh.delete(old);
      grant.access.clear();
    }
    return token.refreshed(issue(grant, token.refresh === "kept" ? old : null));
  }

  #revoke(heard: Heard, facts: NonNullable<Facts["revoke"]>): Said {
    const body = bodyOf(heard, facts);
    if (body === undefined) return facts.badRequest;
    const known = [
      ...facts.members,
      ...facts.besides,
      ...(facts.proof === "body" ? ["client_id", "client_secret"] : []),
    ];
    if ([...body.keys()].some((name) => !known.includes(name))) return facts.badRequest;
    if (!isProven(heard, body, facts.proof)) return this.#facts.token.says.badClient;
    const named = facts.members.flatMap((name) => body.get(name) ?? []);
    if (named.length !== 1) return facts.badRequest;
    const grant = this.#grants.find(({ access, refresh }) =>
      named.some((token) => access.has(token) || refresh.has(token)),
    );
    if (grant === undefined) return facts.dead;
    for (const token of facts.ends === "grant" ? [...grant.access, ...grant.refresh] : named) {
      grant.access.delete(token);
      grant.refresh.delete(token);
    }
    return facts.done;
  }

  #person({ headers, body }: Heard): Said {
    const { person } = this.#facts;
    const access = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
    const grant = this.#grants.find((one) => one.access.has(access));
    if (!hasAll(headers, person.headers)) return { status: 400, body: { code: "missing_version" } };
    if (grant === undefined || (person.scope !== null && !grant.scopes.includes(person.scope))) return person.refused;
    if (person.asks !== null && !person.asks.test(body)) return { status: 400, body: { errors: [] } };
    return { status: 200, body: person.answer };
  }
}

function issue(grant: Grant, kept: string | null): Pair {
  const id = randomBytes(8).toString("hex");
  const access = `access-${id}`;
  grant.access.add(access);
  const refresh = grant.hasRefresh && kept === null ? `refresh-${id}` : null;
  if (refresh !== null) grant.refresh.add(refresh);
  return { access, refresh, scopes: grant.scopes.join(" ") };
}

type Wanted = Pick<Facts["token"], "type" | "headers">;

/** The members of a body in exactly the form the provider takes. */
function bodyOf(heard: Heard, { type, headers }: Wanted): ReadonlyMap<string, string> | undefined {
  const sent = (heard.headers["content-type"] ?? "").split(";", 1)[0];
  if (sent !== (type === "json" ? "application/json" : "application/x-www-form-urlencoded")) return undefined;
  if (!hasAll(heard.headers, headers)) return undefined;
  if (type === "form") return new Map(new URLSearchParams(heard.body));
  return new Map(Object.entries(JSON.parse(heard.body) as Record<string, string>));
}

function hasAll(headers: IncomingHttpHeaders, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => headers[name] === value);
}

function isProven({ headers }: Heard, body: ReadonlyMap<string, string>, proof: ClientProof): boolean {
  const { id, secret } = fakeClient;
  switch (proof) {
    case "none":
      return headers.authorization === undefined && !body.has("client_secret");
    case "body":
      return (
        headers.authorization === undefined && body.get("client_id") === id && body.get("client_secret") === secret
      );
    case "basic":
      return (
        headers.authorization === `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` &&
        !body.has("client_secret")
      );
  }
}
