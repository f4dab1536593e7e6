// The log: one JSON object a line. Whatever it is handed, no secret leaves through it (promise 1).
import { Credential } from "./crypto/credential.ts";
import { masked, maskSecrets, secretField } from "./rules/masks.ts";

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

/** A text without anything that looks like a secret. It is cut after masking: half a token is a secret too. */
function mask(text: string): string {
  const safe = maskSecrets(text);
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
