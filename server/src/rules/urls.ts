// URLs that callers give us: where a person may be sent, and nowhere else (promise 7).

const urlLengthMax = 2048;

/** An absolute http(s) URL without credentials or fragment; undefined when it is none. */
export function parseWebUrl(text: string): URL | undefined {
  if (text.length > urlLengthMax || !URL.canParse(text)) return undefined;
  // A parser drops or mends these without a word; the text as it came would break a header or a row.
  if (/[\s\p{Cc}]/u.test(text) || !text.isWellFormed()) return undefined;
  const url = new URL(text);
  const isWeb = url.protocol === "https:" || url.protocol === "http:";
  if (!isWeb || url.username !== "" || url.password !== "" || url.hash !== "") return undefined;
  return url;
}

/** A bare origin: scheme, host, port. `https://app.example` is one, `https://app.example/path` is not. */
export function parseOrigin(text: string): string | undefined {
  const url = parseWebUrl(text);
  if (url === undefined || url.pathname !== "/" || url.search !== "" || text.endsWith("?")) return undefined;
  return url.origin;
}

/** Hosts that only this machine reaches (RFC 6761 §6.3, RFC 1122 §3.2.1.3). */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  );
}

/** A person may be sent there: its origin is on the list, and it is https unless it is this machine. */
export function isAllowedUrl(text: string, origins: readonly string[]): boolean {
  const url = parseWebUrl(text);
  if (url === undefined) return false;
  if (url.protocol === "http:" && !isLoopbackHost(url.hostname)) return false;
  return origins.includes(url.origin);
}

/** A provider's base URL: an origin with an optional path, no query, no trailing slash. */
export function parseBase(text: string): string | undefined {
  const url = parseWebUrl(text);
  if (url === undefined || url.search !== "") return undefined;
  return url.origin + url.pathname.replace(/\/+$/, "");
}
