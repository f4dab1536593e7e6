// Asks a provider whose token this is, and where a GitHub App reaches for that person.
import type { Credential } from "../crypto/credential.ts";
import { isJsonObject, type JsonObject, objectIn } from "./answer-body.ts";
import { endpointOf } from "./endpoints.ts";
import type { Exchange, Transport } from "./exchange.ts";
import { nextPage } from "./next-page.ts";
import { errorIn, splitScopes } from "./oauth-normalise.ts";
import type { Installation, InstallationsAnswer, PersonAnswer, Provider, ProviderUser } from "./provider.ts";

const timeoutMs = 10_000;
const pagesMax = 10;

export async function personOf(transport: Transport, provider: Provider, access: Credential): Promise<PersonAnswer> {
  const url = endpointOf(provider, "user");
  if (url === null) return { kind: "failed", reason: "user_url_missing" };
  const { answers, user: call } = provider.preset;
  const answer = await ask(transport, provider, { url, access, method: call.method, body: call.body });
  if (answer.kind === "failed") return { kind: "failed", reason: answer.reason };
  if (answer.status === 401) return { kind: "refused" };
  if (answer.status !== 200) return { kind: "failed", reason: `status_${answer.status}` };
  const body = objectIn(answer);
  const error = body === undefined || answers.okMember === null ? undefined : errorIn(body, answers);
  if (error !== undefined)
    return call.refusals.includes(error) ? { kind: "refused" } : { kind: "failed", reason: error };
  const user = body === undefined ? undefined : userIn(body, provider);
  if (user === undefined) return { kind: "failed", reason: "answer_not_understood" };
  const scopes = answer.headers["x-oauth-scopes"];
  return { kind: "person", user, scopes: scopes === undefined ? null : splitScopes(scopes) };
}

interface Ask {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly access: Credential;
  readonly body: string | null;
}

async function ask(transport: Transport, { preset }: Provider, { method, url, access, body }: Ask): Promise<Exchange> {
  const authorization = `Bearer ${access.reveal()}`;
  const type = body === null ? {} : { "content-type": "application/json" };
  return transport.exchange({
    method,
    url,
    headers: { ...preset.apiHeaders, ...type, authorization },
    ...(body === null ? {} : { body }),
    timeoutMs,
  });
}

function userIn(body: JsonObject, { preset, settings }: Provider): ProviderUser | undefined {
  const { within } = preset.user;
  const own = textOf(memberAt(body, settings.user_id_member ?? preset.user.id), 255);
  const place = within === null ? "" : textOf(memberAt(body, within), 255);
  if (own === null || place === null) return undefined;
  const id = within === null ? own : `${place}:${own}`;
  const shown = (path: string | null): string | null => (path === null ? null : textOf(memberAt(body, path), 255));
  return { id, login: shown(preset.user.login), name: shown(preset.user.name) };
}

/** Some providers have dots in a name itself (`https://example.com/id`), so the name as it stands comes first. */
function memberAt(body: JsonObject, path: string): unknown {
  if (Object.hasOwn(body, path)) return body[path];
  let value: unknown = body;
  for (const name of path.split(".")) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

function textOf(value: unknown, lengthMax: number): string | null {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === "string" && text.length > 0 && text.length <= lengthMax ? text : null;
}

export async function installationsOf(
  transport: Transport,
  provider: Provider,
  access: Credential,
): Promise<InstallationsAnswer> {
  const first = endpointOf(provider, "installations");
  if (!provider.preset.installations || first === null) return { kind: "failed", reason: "not_supported" };
  first.searchParams.set("per_page", "100");
  const found: JsonObject[] = [];
  let url: URL | null = first;
  for (let page = 0; url !== null && page < pagesMax; page += 1) {
    const answer: Exchange = await ask(transport, provider, { method: "GET", url, access, body: null });
    if (answer.kind === "failed") return { kind: "failed", reason: answer.reason };
    if (answer.status !== 200) return { kind: "failed", reason: `status_${answer.status}` };
    const list = objectIn(answer)?.["installations"];
    if (!Array.isArray(list)) return { kind: "failed", reason: "answer_not_understood" };
    found.push(...list.filter((item) => isJsonObject(item)));
    url = nextPage(answer.headers["link"], url);
  }
  const slug = found.map((item) => item["app_slug"]).find((value) => typeof value === "string");
  return {
    kind: "installations",
    installations: found.flatMap((item) => installationIn(item, provider)),
    appSlug: slug ?? provider.settings.app_slug ?? null,
  };
}

function installationIn(item: JsonObject, { hosts }: Provider): Installation[] {
  const { id, account, repository_selection: selection, html_url: url } = item;
  // An enterprise has a slug where users and organisations have a login.
  const name = isJsonObject(account) ? (account["login"] ?? account["slug"]) : undefined;
  if (typeof id !== "number" || !Number.isSafeInteger(id) || typeof name !== "string") return [];
  const shown = typeof url === "string" && URL.canParse(url) && new URL(url).origin === new URL(hosts.web).origin;
  return [
    { id, account: name, repository_selection: selection === "all" ? "all" : "selected", url: shown ? url : null },
  ];
}
