// A person with a browser: opens links, says yes or no at the fake GitHub, comes back, keeps cookies.
import type { TestHouse } from "./house.ts";
import { clientId, clientSecret } from "./house.ts";

export interface Landing {
  readonly status: number;
  readonly location: string | null;
  readonly text: string;
}

export class Browser {
  readonly #cookies = new Map<string, string>();

  async get(url: string, headers: Record<string, string> = {}): Promise<Landing> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      redirect: "manual",
      headers: { ...(cookie === "" ? {} : { cookie }), ...headers },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      this.#cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    return { status: response.status, location: response.headers.get("location"), text: await response.text() };
  }
}

export interface ConnectionSpec {
  readonly name?: string;
  readonly preset?: "github" | "github-app";
  readonly verification?: "none" | "custom";
  readonly more?: Record<string, unknown>;
  readonly token?: string;
  readonly client?: { readonly tokenCheck?: boolean; readonly expiring?: boolean };
}

/** Registers a client at the fake GitHub and makes the connection that uses it. */
export async function makeConnection(house: TestHouse, spec: ConnectionSpec = {}): Promise<void> {
  const preset = spec.preset ?? "github-app";
  house.fake.client({
    clientId,
    clientSecret,
    kind: preset === "github" ? "oauth-app" : "github-app",
    redirectUris: [`${house.origin}/oauth/callback`],
    ...spec.client,
  });
  const answer = await house.call("POST", "/v1/connections", {
    ...(spec.token === undefined ? {} : { token: spec.token }),
    body: {
      name: spec.name ?? "github",
      preset,
      client_id: clientId,
      client_secret: clientSecret,
      verification: spec.verification ?? "none",
      hosts: { web: house.fake.web, api: house.fake.api },
      ...spec.more,
    },
  });
  if (answer.status !== 201) throw new Error(`connection: ${answer.status} ${answer.text}`);
}

/** Makes the account and a link to it. */
export async function makeLink(
  house: TestHouse,
  identifier: string,
  body: Record<string, unknown> = {},
): Promise<string> {
  const path = `/v1/connections/github/accounts/${encodeURIComponent(identifier)}`;
  await house.call("PUT", path);
  const answer = await house.call("POST", `${path}/link`, { body });
  if (answer.status !== 201) throw new Error(`link: ${answer.status} ${answer.text}`);
  return answer.json.link as string;
}

/** A callback as GitHub sends it when it is known by this web address: tests that stand in between give it another one. */
export function issuedBy(web: string, back: string): string {
  const url = new URL(back);
  url.searchParams.set("iss", `${web}/login/oauth`);
  return url.href;
}

/** Walks a link through GitHub to the page, or the redirect, at its end. */
export async function follow(house: TestHouse, link: string, login: string, browser = new Browser()): Promise<Landing> {
  const opened = await browser.get(link);
  if (opened.location === null) return opened;
  return browser.get(await house.fake.approve(opened.location, login));
}

/** A connected account: the whole way of a person, with `none` verification. */
export async function connect(house: TestHouse, identifier = "user_1", login = "octo"): Promise<Landing> {
  return follow(house, await makeLink(house, identifier), login);
}
