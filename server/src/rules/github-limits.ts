// Tells GitHub's rate limits from its other refusals, and how long to wait (docs: rate-limits-for-the-rest-api).

export interface LimitSigns {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Everything the answer says in words; empty when it says nothing. */
  readonly words: string;
  readonly now: number;
}

export interface Limit {
  readonly kind: "primary" | "secondary";
  readonly retryAfterSeconds: number;
}

const secondaryWords = /secondary rate limit|abuse detection|submitted too quickly/i;
const tooQuickly = /\bwas submitted too quickly\b|You have exceeded a secondary rate limit/;
const primaryWords = /\bAPI rate limit exceeded\b/i;
/** Refusals that waiting does not mend, whatever the headers beside them count. */
const permissionWords = /not accessible|must have|access restrictions|SAML|archived|not authorized|permission/i;
/** GitHub: at least a minute where it does not say how long. */
const defaultWaitSeconds = 60;
/** A longer wait is a broken header or clock: limits renew every hour. */
const longestWaitSeconds = 24 * 3600;

/** The limit an answer reports; null when it reports none. A 404 or a missing permission with nothing remaining is no limit. */
export function limitIn(signs: LimitSigns): Limit | null {
  const kind = kindOf(signs);
  if (kind === null) return null;
  return { kind, retryAfterSeconds: retryAfterSeconds(signs) ?? resetSeconds(signs) ?? defaultWaitSeconds };
}

function kindOf({ status, headers, words }: LimitSigns): Limit["kind"] | null {
  // A validation failure repeats the caller's own words, so there only GitHub's whole sentence counts.
  if (status === 422) return tooQuickly.test(words) ? "secondary" : null;
  if (status !== 403 && status !== 429) return null;
  if (secondaryWords.test(words)) return "secondary";
  if (primaryWords.test(words)) return "primary";
  if (status === 403) return silentLimit(headers, words);
  return isSpent(headers) ? "primary" : "secondary";
}

/** A 403 that names no limit is one only when nothing in its words says otherwise. */
function silentLimit(headers: LimitSigns["headers"], words: string): Limit["kind"] | null {
  if (permissionWords.test(words)) return null;
  if (isSpent(headers) && (words === "" || /rate limit/i.test(words))) return "primary";
  return headers["retry-after"] === undefined ? null : "secondary";
}

function isSpent(headers: LimitSigns["headers"]): boolean {
  return headers["x-ratelimit-remaining"] === "0";
}

/** Retry-After in seconds or as a date (RFC 9110 §10.2.3); undefined when absent or nonsense. */
export function retryAfterSeconds({ headers, now }: Pick<LimitSigns, "headers" | "now">): number | undefined {
  const value = headers["retry-after"]?.trim() ?? "";
  if (/^\d{1,9}$/.test(value)) return bounded(Number(value));
  const date = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : bounded((date - now) / 1000);
}

function resetSeconds(signs: LimitSigns): number | undefined {
  const reset = signs.headers["x-ratelimit-reset"] ?? "";
  return isSpent(signs.headers) && /^\d{1,12}$/.test(reset) ? bounded(Number(reset) - signs.now / 1000) : undefined;
}

function bounded(seconds: number): number {
  return Math.min(Math.max(Math.ceil(seconds), 1), longestWaitSeconds);
}
