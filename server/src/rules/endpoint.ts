// What an endpoint lets through: methods, headers, and which repository a call is about. Pure.
import { neverForwards, requestHeaders } from "./headers.ts";
import { repositoryOf } from "./paths.ts";

export const endpointMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] as const;

/** The facts of an endpoint that decide about headers. */
export interface HeaderRules {
  /** Empty: all that may cross. */
  readonly forward: readonly string[];
  readonly blocked: readonly string[];
  readonly inject: Readonly<Record<string, string>>;
}

/** Describe the body that follows, so they stay with it whatever the list of forwarded headers says. */
const bodyHeaders = /^content-(?:length|type|encoding|language)$/i;

/** What of a caller's headers goes to the upstream of an endpoint, and what the endpoint adds: raw name and value pairs. */
export function endpointHeaders(raw: readonly string[], rules: HeaderRules): string[] {
  const added = Object.entries(rules.inject);
  const dropped = new Set([...rules.blocked, ...Object.keys(rules.inject)].map(folded));
  const allowed = rules.forward.length === 0 ? undefined : new Set(rules.forward.map((name) => name.toLowerCase()));
  const crossing = requestHeaders(raw);
  const out: string[] = [];
  for (let at = 0; at + 1 < crossing.length; at += 2) {
    const name = crossing[at] ?? "";
    const lower = name.toLowerCase();
    const passes = allowed === undefined || allowed.has(lower) || bodyHeaders.test(name);
    if (passes && !dropped.has(folded(name))) out.push(name, crossing[at + 1] ?? "");
  }
  for (const [name, value] of added) out.push(name, value);
  return out;
}

/** Servers behind CGI, WSGI or Rack read `X_Admin` as `X-Admin`: what is dropped is dropped in both spellings. */
function folded(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** Why an endpoint may not add a header of this name; undefined when it may. */
export function injectionFault(name: string): string | undefined {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(name)) return "is not a header name";
  if (neverForwards(name) || bodyHeaders.test(name)) return "is set by Behalf or by the call itself";
  return undefined;
}

/** HEAD reads what GET reads, and less of it. */
export function allowsMethod(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || (method === "HEAD" && methods.includes("GET"));
}

/** For `Allow`. */
export function allowedMethods(methods: readonly string[]): readonly string[] {
  return methods.includes("GET") && !methods.includes("HEAD") ? [...methods, "HEAD"] : methods;
}

export interface Reach {
  readonly repository: { readonly owner: string; readonly name: string } | "none" | "unknown";
  readonly graphql: boolean;
  /** Below the API root, decoded; null when it is not below it. */
  readonly path: readonly string[] | null;
}

/**
 * What a call to `base` + segments reaches at GitHub. Only below the API root that the connection knows can a path be read;
 * anywhere else a limit on repositories has to refuse.
 */
export function reachOf(base: string, api: string | null, segments: readonly string[]): Reach {
  const inner = api === null ? undefined : innerPath(base, api);
  if (inner === undefined)
    return { repository: "unknown", graphql: segments.some((segment) => /^graphql$/i.test(segment)), path: null };
  const all = [...inner, ...segments];
  const graphql = all.some((segment) => /^graphql$/i.test(segment));
  return { repository: graphql ? "unknown" : repositoryOf(all), graphql, path: all };
}

function innerPath(base: string, api: string): readonly string[] | undefined {
  if (base === api) return [];
  if (!base.startsWith(`${api}/`)) return undefined;
  return base.slice(api.length + 1).split("/");
}

/** Whether a person's token may sensibly go there: below the connection's own hosts, or at an origin of its provider. */
export function isOwnUpstream(
  upstream: string,
  own: { readonly hosts: readonly string[]; readonly origins: readonly string[] },
): boolean {
  const url = new URL(upstream);
  if (own.hosts.some((host) => new URL(host).origin === url.origin)) return true;
  return own.origins.some((origin) => {
    if (!origin.startsWith("https://*.")) return origin === url.origin;
    return url.protocol === "https:" && url.port === "" && url.hostname.endsWith(origin.slice("https://*".length));
  });
}
