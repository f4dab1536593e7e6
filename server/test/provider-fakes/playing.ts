// Lets a test play a provider: the preset as it is, its hosts alone moved to the fake.
import type { TestContext } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import { type Preset, presetNamed } from "../../src/upstream/presets.ts";
import type { OAuth, Provider, Tokens } from "../../src/upstream/provider.ts";
import { granted, talking } from "../upstream/talking.ts";
import type { Facts } from "./facts.ts";
import { fakeClient, ProviderFake } from "./fake.ts";

const callbackUrl = "http://127.0.0.1:4180/oauth/callback/con_test";
const state = "s-1";
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

export interface Play {
  readonly fake: ProviderFake;
  readonly oauth: OAuth;
  readonly provider: Provider;
  /** The query of the callback after the person said yes. */
  callback(): Promise<URLSearchParams>;
  connect(): Promise<Tokens>;
  exchange(callback: URLSearchParams, as?: Partial<Provider>, proof?: string): ReturnType<OAuth["exchange"]>;
}

/** `change`: the same provider with another preset, to see what a member of a row is good for. */
export async function playing(t: TestContext, facts: Facts, change: Partial<Preset> = {}): Promise<Play> {
  const fake = await new ProviderFake(facts, [callbackUrl]).start();
  const { oauth, close } = talking();
  t.after(async () => {
    await close();
    await fake.close();
  });
  const provider = providerAt(fake, { ...known(facts.preset), ...change });
  const exchange: Play["exchange"] = async (callback, as = {}, proof = verifier) =>
    oauth.exchange({ ...provider, ...as }, { callback, state, verifier: proof });
  const callback = async (): Promise<URLSearchParams> =>
    new URL(fake.approve(await oauth.authorizeUrl(provider, { state, verifier }))).searchParams;
  return { fake, oauth, provider, callback, exchange, connect: async () => granted(await exchange(await callback())) };
}

export function known(name: string): Preset {
  const preset = presetNamed(name);
  if (preset === undefined) throw new Error(`no preset ${name}`);
  return preset;
}

function providerAt(fake: ProviderFake, preset: Preset): Provider {
  if (preset.hosts === null) throw new Error(`${preset.name} has no hosts`);
  const hosts = { web: fake.at(preset.hosts.web), api: fake.at(preset.hosts.api) };
  const moved = Object.entries<string | null>({ ...preset.urls }).map(([purpose, url]) => [
    purpose,
    url === null ? null : fake.at(url),
  ]);
  return {
    preset: { ...preset, hosts, urls: Object.fromEntries(moved) },
    hosts,
    clientId: fakeClient.id,
    clientSecret: new Credential(fakeClient.secret),
    redirectUri: callbackUrl,
    scopes: preset.defaultScopes,
    settings: {},
  };
}
