// The log: one JSON object a line. Whatever it is handed, no secret leaves through it (promise 1).
import { Credential } from "./crypto/credential.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly level: LogLevel | "silent";
  /** Takes one line, with its newline. */
  readonly write: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const weights = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 } as const;

// A log line is for reading: what is deeper, wider or longer than this is cut.
const depthMax = 5;
const itemsMax = 100;
const textMax = 8192;

const masked = "[masked]";

/** Names whose value is secret wherever it is met: as a field, in a query, in a form, in JSON. */
const secretNames =
  "access_token|refresh_token|client_secret|webhook_secret|private_key|code_verifier|device_code|auth_request_id|password|authorization|cookie|set-cookie";
const secretField = new RegExp(`^(?:${secretNames}|token|secret)$`, "i");

const masks: readonly { readonly pattern: RegExp; readonly by: string }[] = [
  { pattern: /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, by: masked },
  { pattern: /\b((?:proxy-)?authorization|(?:set-)?cookie)(:\s*)[^\r\n]+/gi, by: `$1$2${masked}` },
  // In a query or form `code` and `state` are OAuth's. As fields they are ordinary words: a refusal has a code.
  // The prefix may be a percent-encoded separator, so a digit before the name does not hide it.
  { pattern: new RegExp(`(?<![a-z_-])(${secretNames}|code|state)(=|%3D)[^&\\s"'#]*`, "gi"), by: `$1$2${masked}` },
  { pattern: new RegExp(`("(?:${secretNames})"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"?`, "gi"), by: `$1"${masked}"` },
  // The spelling that GitHub publishes for scanners: a prefix and an unbounded run, so a longer format is masked too.
  { pattern: /(gh[oprsu]_|github_pat_)[A-Za-z0-9._-]{20,}/g, by: `$1${masked}` },
  { pattern: /(bh_(?:live|test)_)[A-Za-z0-9._-]+/g, by: `$1${masked}` },
  { pattern: /\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}/gi, by: `$1${masked}` },
  // Longer, since "token" is also an English word with other words after it.
  { pattern: /\b((?:token|basic)\s+)[A-Za-z0-9._~+/=-]{16,}/gi, by: `$1${masked}` },
  { pattern: /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, by: masked },
  // Credentials in a URL, an entry of a key ring, and a link that connects an account.
  { pattern: /(:\/\/[^\s/:@]*:)[^\s/@]+@/g, by: `$1${masked}@` },
  { pattern: /\b([a-z0-9]{1,16}:)[A-Za-z0-9+/]{43}=/g, by: `$1${masked}` },
  { pattern: /(\/connect\/)[\w-]{16,}/g, by: `$1${masked}` },
];

/** A text without anything that looks like a secret. It is cut after masking: half a token is a secret too. */
function mask(text: string): string {
  const safe = masks.reduce((left, { pattern, by }) => left.replaceAll(pattern, by), text);
  return safe.length > textMax ? `${safe.slice(0, textMax)}…` : safe;
}

export function createLog({ level, write, now }: LogOptions): Log {
  const at =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (weights[own] < weights[level]) return;
      const head = { time: new Date(now()).toISOString(), level: own, message: mask(message) };
      // The head is spread twice: first for its place, last so that a field of the same name does not replace it.
      write(`${JSON.stringify({ ...head, ...printable(fields), ...head })}\n`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** What can be logged of the fields. A getter that throws must not cost us the line. */
function printable(fields: LogFields): Record<string, unknown> {
  try {
    return plainRecord(fields, []);
  } catch {
    return { fields: "[unprintable]" };
  }
}

function plainRecord(record: object, above: readonly object[]): Record<string, unknown> {
  const entries = Object.entries(record).slice(0, itemsMax);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const hide = typeof value === "string" && secretField.test(name);
      return [mask(name), hide ? masked : plain(value, [...above, record])];
    }),
  );
}

function plain(value: unknown, above: readonly object[]): unknown {
  if (typeof value === "string") return mask(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
  return typeof value === "object" && value !== null ? plainObject(value, above) : value;
}

function plainObject(value: object, above: readonly object[]): unknown {
  if (value instanceof Credential) return "[credential]";
  if (above.includes(value) || above.length > depthMax) return "[…]";
  if (value instanceof Error) return plainError(value, above);
  if (Array.isArray(value)) return value.slice(0, itemsMax).map((item) => plain(item, [...above, value]));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[no date]" : value.toISOString();
  if (value instanceof URL) return mask(value.href);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return plainRecord(value, above);
  // Anything else may keep secrets in any of its properties: bytes, headers, requests, database rows.
  return nameOf(value);
}

function nameOf(value: object): string {
  return `[${mask(value.constructor.name)}]`;
}

/** Name, message, code and the chain of causes. Libraries hang requests and answers on errors: those stay out. */
function plainError(error: Error, above: readonly object[]): Record<string, unknown> {
  const code =
    "code" in error && (typeof error.code === "string" || typeof error.code === "number") ? error.code : undefined;
  return {
    name: mask(error.name),
    message: mask(error.message),
    ...(code === undefined ? {} : { code: plain(code, above) }),
    ...(error.cause === undefined ? {} : { cause: plainCause(error.cause, [...above, error]) }),
  };
}

// A cause that is no error is often a raw answer: its kind is told, its content is not.
function plainCause(cause: unknown, above: readonly object[]): unknown {
  if (typeof cause === "object" && cause !== null && !(cause instanceof Error)) return nameOf(cause);
  return plain(cause, above);
}
