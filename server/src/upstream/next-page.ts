// Finds the next page of a list (RFC 8288), and follows it only where the list itself lives.

/** The `rel="next"` of a Link header, when it is on the same origin and path as the page it came with; else null. */
export function nextPage(link: string | undefined, current: URL): URL | null {
  for (const [, target = "", parameters = ""] of (link ?? "").matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (!/;\s*rel=(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)/i.test(parameters) || !URL.canParse(target, current.href))
      continue;
    const url = new URL(target, current);
    // A token goes out with it: another origin, or another place on this one, is somebody else's wish.
    return url.origin === current.origin && url.pathname === current.pathname ? url : null;
  }
  return null;
}
