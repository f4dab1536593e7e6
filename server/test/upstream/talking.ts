// Lets tests talk to the strict fake GitHub, or to a provider that answers as the test says, through the real transport.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import type { AddressRange } from "../../src/rules/addresses.ts";
import type { Transport } from "../../src/upstream/exchange.ts";
import { makeGuard } from "../../src/upstream/guard.ts";
import type { Hosts } from "../../src/upstream/hosts.ts";
import { makeOAuth } from "../../src/upstream/oauth.ts";
import { presetNamed } from "../../src/upstream/presets.ts";
import type { GrantAnswer, OAuth, Provider, ProviderSettings, Tokens } from "../../src/upstream/provider.ts";
import { makeTransport } from "../../src/upstream/transport.ts";
import { CALLBACK, GITHUB_APP, OAUTH_APP, seeded, VERIFIER } from "../fake-github/testing.ts";

type FakeGitHub = Awaited<ReturnType<typeof seeded>>;

interface Talking {
  readonly oauth: OAuth;
  readonly transport: Transport;
  readonly close: () => Promise<void>;
}

const loopback: AddressRange = { address: "127.0.0.0", prefix: 8 };

export function talking(options: { allowed?: readonly AddressRange[]; now?: () => number } = {}): Talking {
  const guard = makeGuard({ hosts: [], ranges: options.allowed ?? [loopback] });
  const transport = makeTransport({ guard, version: "test" });
  const oauth = makeOAuth({ transport, now: options.now ?? (() => 1_700_000_000_000) });
  return { oauth, transport, close: () => transport.close() };
}

export interface World extends Talking {
  readonly github: FakeGitHub;
  callback(provider: Provider, login: string): Promise<URLSearchParams>;
}

export async function speaking(t: TestContext): Promise<World> {
  const github = await seeded();
  const talk = talking({ now: () => github.clock.now() });
  t.after(async () => {
    await talk.close();
    await github.close();
  });
  return {
    ...talk,
    github,
    async callback(provider, login) {
      const url = await talk.oauth.authorizeUrl(provider, { state: "s-1", verifier: VERIFIER });
      return new URL(await github.approve(url, login)).searchParams;
    },
  };
}

type More = Partial<Pick<Provider, "scopes" | "settings">>;

export function githubProvider({ web, api }: Hosts, name: "github" | "github-app", more: More = {}): Provider {
  const client = name === "github" ? OAUTH_APP : GITHUB_APP;
  return providerOf(name, {
    hosts: { web, api },
    clientId: client.clientId,
    clientSecret: client.clientSecret,
    ...more,
  });
}

export function generic(settings: ProviderSettings): Provider {
  return providerOf("generic", { hosts: { web: "", api: "" }, clientId: "c 1", clientSecret: "s:1", settings });
}

type Parts = More & { readonly hosts: Hosts; readonly clientId: string; readonly clientSecret: string };

function providerOf(name: string, parts: Parts): Provider {
  const preset = presetNamed(name);
  if (preset === undefined) throw new Error(`no preset ${name}`);
  const base = { preset, redirectUri: CALLBACK, scopes: [], settings: {} };
  return { ...base, ...parts, clientSecret: new Credential(parts.clientSecret) };
}

export function granted(answer: GrantAnswer): Tokens {
  if (answer.kind !== "granted") throw new Error(`not granted: ${JSON.stringify(answer)}`);
  return answer.tokens;
}

export async function signedIn(world: World, of: Provider, login = "octocat"): Promise<Tokens> {
  const callback = await world.callback(of, login);
  return granted(await world.oauth.exchange(of, { callback, state: "s-1", verifier: VERIFIER }));
}

export interface Heard {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Said {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A server that says what `answer` makes of each request. */
export async function serving(
  t: TestContext,
  answer: (heard: Heard) => Said,
): Promise<{ readonly origin: string; readonly heard: Heard[] }> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
      heard.push(one);
      const said = answer(one);
      response.writeHead(said.status ?? 200, said.headers ?? { "content-type": "application/json" });
      response.end(said.body ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}
