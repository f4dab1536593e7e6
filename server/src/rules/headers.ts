// Decides which headers cross the proxy: all end-to-end headers do, except those in these tables (design §3.2, §10.5).
import { rewriteLink } from "./links.ts";

/** Belong to one connection (RFC 9110 §7.6.1), besides whatever `Connection` names. */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
];

/** Matches each of the names in any casing; a name that ends in a dash stands for all that begin so. */
function anyOf(...names: readonly string[]): RegExp {
  const patterns = names.map((name) => (name.endsWith("-") ? name : `${name}$`));
  return new RegExp(`^(?:${patterns.join("|")})`, "i");
}

const neverForwarded = anyOf(
  ...hopByHop,
  "authorization",
  "cookie",
  "cookie2",
  "host",
  "expect",
  "connection_name",
  "identifier",
  "behalf-",
  // Say where the caller sits.
  "forwarded",
  "x-forwarded-",
  "x-real-ip",
  "x-client-ip",
  "true-client-ip",
  "cf-connecting-ip",
  // Would make upstream act on another method or path than the one policy looked at.
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
);

const neverReturned = anyOf(
  ...hopByHop,
  "set-cookie",
  "set-cookie2",
  "clear-site-data",
  "strict-transport-security",
  "alt-svc",
  "access-control-",
  "behalf-",
  // Limits of upstream would be taken for ours; `X-RateLimit-*` are plainly upstream's and pass.
  "ratelimit",
  "ratelimit-",
);

/** What of a caller's headers goes to the upstream: raw name and value pairs, order and duplicates kept. */
export function requestHeaders(raw: readonly string[]): string[] {
  const named = namedByConnection(raw);
  const out: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    const value = raw[at + 1] ?? "";
    if (neverForwards(name) || isNamed(name, named) || !isSound(name, value)) continue;
    out.push(name, value);
  }
  return out;
}

/** Whether a header of this name never goes to an upstream, whoever writes it. */
export function neverForwards(name: string): boolean {
  return neverForwarded.test(name) || isFolded(name);
}

/** Servers behind CGI, WSGI or Rack read `X_Http_Method_Override` as the header with dashes: so do we. */
function isFolded(name: string): boolean {
  if (!name.includes("_")) return false;
  const dashed = name.replaceAll("_", "-");
  return neverForwarded.test(dashed) || /^content-length$/i.test(dashed);
}

/** What of upstream's headers goes to the caller. `rewrite` moves one URL to our address (links.ts, `toOurs`). */
export function responseHeaders(
  raw: readonly string[],
  rewrite: (url: string, name: "link" | "location") => string,
): string[] {
  const named = namedByConnection(raw);
  const out: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    const value = raw[at + 1] ?? "";
    if (neverReturned.test(name) || isNamed(name, named) || !isSound(name, value)) continue;
    if (/^link$/i.test(name))
      out.push(
        name,
        rewriteLink(value, (url) => rewrite(url, "link")),
      );
    else if (/^location$/i.test(name)) out.push(name, rewrite(value, "location"));
    else out.push(name, value);
  }
  return out;
}

const noNames: readonly string[] = [];

function namedByConnection(raw: readonly string[]): readonly string[] {
  let names = noNames;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const value = raw[at + 1] ?? "";
    if (raw[at]?.length !== 10 || raw[at]?.toLowerCase() !== "connection") continue;
    if (/^(?:keep-alive|close)$/i.test(value)) continue;
    names = [...names, ...value.split(",").map((token) => token.trim().toLowerCase())];
  }
  return names;
}

function isNamed(name: string, named: readonly string[]): boolean {
  return named.length > 0 && named.includes(name.toLowerCase());
}

/** A name or value that could break out of its line does not cross. */
function isSound(name: string, value: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && !/[\0\r\n]/.test(value);
}
