// Every setting of Behalf, once: from this table come the type, the reading, docs/configuration.md and .env.example.
import { nearest } from "./nearest.ts";
import {
  addressRanges,
  adminToken,
  allowedUpstreams,
  databaseUrl,
  keyRing,
  listenHost,
  metricsToken,
  oneOf,
  type Parsed,
  type Parser,
  publicOrigin,
  redisUrl,
  wholeNumber,
} from "./settings.ts";

export interface Setting<T> {
  readonly name: string;
  /** What it does, for the operator: one sentence. */
  readonly says: string;
  /** A value that is accepted; for secrets one that is visibly no real secret. */
  readonly example: string;
  readonly secret: boolean;
  readonly parse: Parser<T>;
  /** The value when it is not given, as text; or what then happens, in words. */
  readonly fallback: { readonly text: string } | { readonly words: string };
}

/** A setting that may be left out: it is null then. */
interface OptionalSetting<T> extends Setting<T> {
  readonly fallback: { readonly words: string };
}

interface DefaultedSetting<T> extends Setting<T> {
  readonly fallback: { readonly text: string };
}

// These two only let the compiler infer the type of the value from the parser.
function defaulted<T>(setting: DefaultedSetting<T>): DefaultedSetting<T> {
  return setting;
}

function optional<T>(setting: OptionalSetting<T>): OptionalSetting<T> {
  return setting;
}

export const settingsTable = {
  host: defaulted({
    name: "BEHALF_HOST",
    says: "The address to listen on.",
    example: "0.0.0.0",
    secret: false,
    parse: listenHost,
    fallback: { text: "127.0.0.1" },
  }),
  port: defaulted({
    name: "BEHALF_PORT",
    says: "The port to listen on; 0 lets the system choose a free one.",
    example: "4180",
    secret: false,
    parse: wholeNumber(0, 65_535),
    fallback: { text: "4180" },
  }),
  url: optional({
    name: "BEHALF_URL",
    says: "The public origin, used for every URL that Behalf builds.",
    example: "https://behalf.example.com",
    secret: false,
    parse: publicOrigin,
    fallback: { words: "`http://HOST:PORT`" },
  }),
  database: defaulted({
    name: "BEHALF_DATABASE_URL",
    says: "Where the data lives: a SQLite file, or a PostgreSQL database.",
    example: "postgres://behalf:password@db.example.com:5432/behalf",
    secret: true,
    parse: databaseUrl,
    fallback: { text: "file:./data/behalf.db" },
  }),
  keys: optional({
    name: "BEHALF_KEYS",
    says: "The key ring that seals stored secrets, newest first; each key is 32 random bytes (`openssl rand -base64 32`).",
    example: "k1:<base64 of 32 bytes>",
    secret: true,
    parse: keyRing,
    fallback: { words: "generated beside a new, empty SQLite file; required with PostgreSQL" },
  }),
  adminToken: optional({
    name: "BEHALF_ADMIN_TOKEN",
    says: "The instance token, at least 32 characters.",
    example: "<32 or more random characters>",
    secret: true,
    parse: adminToken,
    fallback: { words: "generated and printed once for a new, empty SQLite file; required with PostgreSQL" },
  }),
  allowUpstream: optional({
    name: "BEHALF_ALLOW_UPSTREAM",
    says: "Private addresses that may be called all the same: `host:port`, an IP address or a CIDR range, separated by commas.",
    example: "github.corp.example:443,10.20.0.0/16",
    secret: false,
    parse: allowedUpstreams,
    fallback: { words: "none" },
  }),
  redis: optional({
    name: "BEHALF_REDIS_URL",
    says: "A Redis that several processes count limits in; without it they share them through PostgreSQL.",
    example: "redis://:password@redis.example.com:6379/0",
    secret: true,
    parse: redisUrl,
    fallback: { words: "none" },
  }),
  trustedProxies: optional({
    name: "BEHALF_TRUSTED_PROXIES",
    says: "The reverse proxies whose `X-Forwarded-For` tells a caller's address (for limits, logs and audit only): addresses or CIDR ranges, separated by commas.",
    example: "10.0.0.0/8,fd00::/8",
    secret: false,
    parse: addressRanges,
    fallback: { words: "none" },
  }),
  addressLimit: defaulted({
    name: "BEHALF_ADDRESS_LIMIT_PER_MINUTE",
    says: "How many requests without a valid token one address may make per minute: pages a person opens, and failed sign-ins; 0 is no limit.",
    example: "600",
    secret: false,
    parse: wholeNumber(0, 1_000_000),
    fallback: { text: "600" },
  }),
  metricsToken: optional({
    name: "BEHALF_METRICS_TOKEN",
    says: "What `/metrics` demands as a bearer token; without it only callers on this machine are answered.",
    example: "<16 or more random characters>",
    secret: true,
    parse: metricsToken,
    fallback: { words: "none" },
  }),
  drainSeconds: defaulted({
    name: "BEHALF_DRAIN_SECONDS",
    says: "How long running requests may take to end after SIGTERM, from 0 to 600 seconds.",
    example: "30",
    secret: false,
    parse: wholeNumber(0, 600),
    fallback: { text: "30" },
  }),
  logLevel: defaulted({
    name: "BEHALF_LOG_LEVEL",
    says: "The least level that is logged: debug, info, warn, error or silent.",
    example: "info",
    secret: false,
    parse: oneOf(["debug", "info", "warn", "error", "silent"] as const),
    fallback: { text: "info" },
  }),
} as const;

type Table = typeof settingsTable;
type ValueOf<S> = S extends OptionalSetting<infer T> ? T | null : S extends DefaultedSetting<infer T> ? T : never;
type Values = { readonly [Key in keyof Table]: ValueOf<Table[Key]> };

export type Config = Omit<Values, "url" | "allowUpstream" | "trustedProxies"> & {
  /** Always there; ends in `:0` only while the system is still to choose the port. */
  readonly url: string;
  readonly allowUpstream: NonNullable<Values["allowUpstream"]>;
  readonly trustedProxies: NonNullable<Values["trustedProxies"]>;
};

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Files {
  read(path: string): string;
}

/** Everything that is wrong with the settings, in one error. */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    const count = faults.length === 1 ? "One setting is" : `${faults.length} settings are`;
    super(`${count} wrong:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
    this.faults = faults;
  }
}

/** `http://HOST:PORT`, with the brackets that an IPv6 address needs. */
export function originAt(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Reads all settings, or throws one ConfigError with every fault. No value is ever part of a fault. */
export function readConfig(env: Environment, files: Files): Config {
  const faults = unknownNames(env);
  // A setting at fault has no value at all, so that nothing further is said about it.
  const read = (setting: Setting<unknown>): unknown => {
    const outcome = readSetting(setting, env, files);
    if ("value" in outcome) return outcome.value;
    faults.push(`${setting.name} ${outcome.wrong}; accepted is ${setting.name}=${setting.example}`);
    return undefined;
  };
  const entries = Object.entries<Setting<unknown>>(settingsTable).map(([key, setting]) => [key, read(setting)]);
  // The keys and parsers are those of the table, so without faults the values are what its types say.
  const values = Object.fromEntries(entries) as Values;
  faults.push(...missingForPostgres(values));
  if (faults.length > 0) throw new ConfigError(faults);
  return {
    ...values,
    url: values.url ?? originAt(values.host, values.port),
    allowUpstream: values.allowUpstream ?? { hosts: [], ranges: [] },
    trustedProxies: values.trustedProxies ?? [],
  };
}

function readSetting<T>(setting: Setting<T>, env: Environment, files: Files): Parsed<T | null> {
  const inline = env[setting.name] ?? "";
  const path = env[`${setting.name}_FILE`] ?? "";
  if (inline !== "" && path !== "") return { wrong: `is given twice, also as ${setting.name}_FILE` };
  if (inline !== "") return setting.parse(inline);
  if (path !== "") return readFromFile(setting, path, files);
  return "text" in setting.fallback ? setting.parse(setting.fallback.text) : { value: null };
}

function readFromFile<T>(setting: Setting<T>, path: string, files: Files): Parsed<T> {
  try {
    return setting.parse(files.read(path).replace(/\r?\n$/, ""));
  } catch (error) {
    // Not the path: somebody may have put the secret itself there.
    const code = error instanceof Error && "code" in error && typeof error.code === "string" ? ` (${error.code})` : "";
    return { wrong: `cannot be read from the file that ${setting.name}_FILE names${code}` };
  }
}

// Keys and tokens are only ever made up for a new local file; two replicas must not each make their own (design §10.11).
function missingForPostgres(values: Partial<Values>): readonly string[] {
  if (values.database?.kind !== "postgres") return [];
  const needed = [
    { setting: settingsTable.keys, value: values.keys },
    { setting: settingsTable.adminToken, value: values.adminToken },
  ];
  return needed
    .filter(({ value }) => value === null)
    .map(({ setting: { name, example } }) => `${name} is missing: PostgreSQL needs it; accepted is ${name}=${example}`);
}

function unknownNames(env: Environment): string[] {
  const known = Object.values(settingsTable).flatMap(({ name }) => [name, `${name}_FILE`]);
  return Object.keys(env)
    .filter((name) => name.startsWith("BEHALF_") && !name.startsWith("BEHALF_TEST_") && !known.includes(name))
    .map((name) => `${name} is not a setting; the nearest is ${nearest(name, known)}`);
}
