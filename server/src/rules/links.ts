// Rewrites the URLs of `Link` and `Location` from the upstream's address to ours, and only those that are the upstream's.

/**
 * The URL at our address when it lies under the upstream's base, else as it came. Bases have no trailing slash.
 * A foreign URL passes verbatim: it is never followed by us, and our callers' clients drop the token on another origin.
 */
export function toOurs(url: string, upstreamBase: string, ourBase: string): string {
  // `foo`, `?page=2`: resolves against our URL exactly as against upstream's.
  const isRelativeToPath = !url.startsWith("/") && !/^[a-z][a-z0-9+.-]*:/i.test(url);
  const base = URL.parse(upstreamBase);
  const parsed = URL.parse(url, upstreamBase);
  if (isRelativeToPath || base === null || parsed === null || parsed.origin !== base.origin) return url;
  const prefix = base.pathname.replace(/\/$/, "");
  const isUnder = parsed.pathname === prefix || parsed.pathname.startsWith(`${prefix}/`);
  // Upstream's own, but out of reach through us: as a bare path it would point into our own server.
  if (!isUnder) return url.startsWith("/") ? parsed.href : url;
  if (isPlainContinuation(url, upstreamBase)) return ourBase + url.slice(upstreamBase.length);
  return ourBase + parsed.pathname.slice(prefix.length) + parsed.search + parsed.hash;
}

/** Spelled exactly as the base and then on, without anything a parser would resolve: the bytes after it may stay as they are. */
function isPlainContinuation(url: string, base: string): boolean {
  if (!url.startsWith(base)) return false;
  const rest = url.slice(base.length);
  return /^(?:$|[/?#])/.test(rest) && !/^[^?#]*(?:\\|\/(?:\.|%2e){1,2}(?:[/?#]|$))/i.test(rest);
}

/**
 * Rewrites each target of a `Link` value (RFC 8288: `<url>; rel="next", <url>; …`) and leaves every other byte alone.
 * Commas, angle brackets and escapes in quoted parameters are not taken for targets.
 */
export function rewriteLink(value: string, rewrite: (url: string) => string): string {
  let out = "";
  let at = 0;
  while (at < value.length) {
    const char = value.charAt(at);
    const end = char === '"' ? closingQuote(value, at) : char === "<" ? value.indexOf(">", at) : at;
    if (end === -1) return out + value.slice(at);
    const piece = value.slice(at, end + 1);
    out += char === "<" ? `<${rewrite(piece.slice(1, -1))}>` : piece;
    at = end + 1;
  }
  return out;
}

function closingQuote(value: string, open: number): number {
  for (let at = open + 1; at < value.length; at += 1) {
    const char = value.charAt(at);
    if (char === "\\") at += 1;
    else if (char === '"') return at;
  }
  return -1;
}
