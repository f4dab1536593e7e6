// Decides whether the rest of a proxied URL may be appended to an upstream's base: it cannot climb out (promise 12).

export type TargetDecision =
  | {
      readonly kind: "ok";
      /** Byte for byte what came in, up to the query. */
      readonly path: string;
      /** With its question mark; empty without one. */
      readonly query: string;
      /** Decoded once, for policy only: never build a URL from these. */
      readonly segments: readonly string[];
    }
  | { readonly kind: "refused"; readonly reason: string };

/** Looks at the raw remainder of a request's URL, which starts with a slash. */
export function checkTarget(raw: string): TargetDecision {
  const mark = raw.indexOf("?");
  const path = mark === -1 ? raw : raw.slice(0, mark);
  const query = mark === -1 ? "" : raw.slice(mark);
  const fault = pathFault(path) ?? queryFault(query);
  if (fault !== undefined) return refused(fault);
  const segments: string[] = [];
  for (const segment of path.slice(1).split("/")) {
    const decoded = segment.includes("%") ? decodedOnce(segment) : segment;
    if (decoded === undefined) return refused("The path holds bytes that are not UTF-8");
    const climb = segmentFault(decoded);
    if (climb !== undefined) return refused(climb);
    segments.push(decoded);
  }
  return { kind: "ok", path, query, segments };
}

function refused(reason: string): TargetDecision {
  return { kind: "refused", reason };
}

function pathFault(path: string): string | undefined {
  if (!path.startsWith("/")) return "The path must start with a slash";
  if (path.startsWith("//")) return "The path must not start with two slashes";
  if (/[^\x21-\x7e]/.test(path)) return "The path holds a space, a control character or a byte beyond ASCII";
  if (path.includes("#")) return "A fragment does not belong in a request";
  if (path.includes("\\")) return "The path holds a backslash";
  if (/%(?![0-9a-f]{2})/i.test(path)) return "The path holds a malformed percent encoding";
  return undefined;
}

function queryFault(query: string): string | undefined {
  if (/[^\x21-\x7e\x80-\xff]/.test(query)) return "The query holds a space or a control character";
  if (query.includes("#")) return "A fragment does not belong in a request";
  return undefined;
}

/** Strict UTF-8: the overlong forms of dots and slashes (`%c0%ae`) do not decode. */
function decodedOnce(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function segmentFault(decoded: string): string | undefined {
  if (/[\0\r\n]/.test(decoded)) return "The path holds an encoded line break or NUL";
  if (decoded.includes("\\")) return "The path holds an encoded backslash";
  // Looked for after decoding once, so that `%25%32%65` is found as well as `%252e`.
  if (/%(?:25|2e|2f|5c|00|0a|0d)/i.test(decoded)) return "The path is encoded twice";
  if (decoded.split("/").some(isDots)) return "The path holds a dot segment";
  return undefined;
}

/** Some servers cut parameters (`..;x`) or blanks off a segment before they resolve dots. */
function isDots(part: string): boolean {
  const bare = part.replace(/;.*$/s, "").trim();
  return bare === "." || bare === "..";
}

/** Characters that a URL parser writes in percent form although clients send them plain; they change no meaning. */
const encodedByParsers = /["<>^`{|}]/g;

function spelled(path: string): string {
  return path.replaceAll(encodedByParsers, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Whether a URL parser, too, finds exactly base and target in their concatenation: defence in depth behind checkTarget. */
export function isExact(base: string, target: string): boolean {
  const slash = base.indexOf("/", base.indexOf("://") + 3);
  const mark = target.indexOf("?");
  const path = (slash === -1 ? "" : base.slice(slash)) + (mark === -1 ? target : target.slice(0, mark));
  const url = URL.parse(base + target);
  if (url === null || url.hash !== "") return false;
  return url.pathname === path || spelled(url.pathname) === spelled(path);
}

/** Places where GitHub's paths name a repository, or many, in another way than `/repos/{owner}/{repo}`. */
const repositoryWords = /^(?:repos|repositories|starred|subscriptions|graphql)$/i;

/**
 * The repository a GitHub path is about. `none`: it names none. `unknown`: it names or may reach one in a way that
 * cannot be told from the path, so a policy that limits repositories must refuse it.
 */
export function repositoryOf(
  segments: readonly string[],
): { readonly owner: string; readonly name: string } | "none" | "unknown" {
  const [first = "", owner = "", name = ""] = segments;
  if (/^(?:repos|networks)$/i.test(first)) {
    const isPlain = [owner, name].every((part) => part !== "" && !part.includes("/"));
    return isPlain ? { owner, name } : "unknown";
  }
  // An encoded slash or an empty segment may vanish in upstream's router and make another path of it.
  if (first === "" && segments.length > 1) return "unknown";
  return segments.some((segment) => segment.includes("/") || repositoryWords.test(segment)) ? "unknown" : "none";
}
