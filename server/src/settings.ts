// How the text of a setting is read. Each parser answers with a value or with what is wrong, never with the text itself.
import { isIP } from "node:net";
import { Credential } from "./crypto/credential.ts";

export type Parsed<T> = { readonly value: T } | { readonly wrong: string };
export type Parser<T> = (text: string) => Parsed<T>;

export type DatabaseChoice =
  | { readonly kind: "sqlite"; readonly file: string }
  | { readonly kind: "postgres"; readonly url: Credential };

export interface NamedKey {
  readonly id: string;
  /** Base64 of 32 bytes. */
  readonly key: Credential;
}

/** Private addresses an operator opened: exact `host:port` in lower case, and ranges of addresses. */
export interface AllowedUpstreams {
  readonly hosts: readonly string[];
  readonly ranges: readonly { readonly address: string; readonly prefix: number }[];
}

const hostname = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

function wrong(sentence: string): { readonly wrong: string } {
  return { wrong: sentence };
}

export const listenHost: Parser<string> = (text) =>
  isIP(text) !== 0 || hostname.test(text) ? { value: text } : wrong("is neither an IP address nor a host name");

export function wholeNumber(least: number, most: number): Parser<number> {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? { value } : wrong(`is not a whole number from ${least} to ${most}`);
  };
}

export function oneOf<Word extends string>(words: readonly Word[]): Parser<Word> {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    return word === undefined ? wrong(`is none of ${words.join(", ")}`) : { value: word };
  };
}

export const publicOrigin: Parser<string> = (text) => {
  if (!URL.canParse(text)) return wrong("is not a URL");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return wrong("is neither an http nor an https URL");
  if (url.username !== "" || url.password !== "") return wrong("carries credentials");
  if (url.pathname !== "/" || /[?#]/.test(text))
    return wrong("is more than an origin: it has a path, query or fragment");
  return { value: url.origin };
};

export const databaseUrl: Parser<DatabaseChoice> = (text) => {
  if (text.startsWith("file:")) {
    const file = text.slice("file:".length).replace(/^\/\/(?=\/)/, "");
    if (file === "" || file.startsWith("//") || file.endsWith("/")) return wrong("names no file");
    return { value: { kind: "sqlite", file } };
  }
  if (!/^postgres(ql)?:\/\//.test(text)) return wrong("is neither file:… nor postgres://…");
  if (!URL.canParse(text)) return wrong("is not a URL");
  return { value: { kind: "postgres", url: new Credential(text) } };
};

export const keyRing: Parser<readonly NamedKey[]> = (text) => {
  const ids = new Set<string>();
  const keys = new Set<string>();
  for (const [at, entry] of text.split(",").entries()) {
    const [, id, key] = /^([a-z0-9]{1,16}):([A-Za-z0-9+/]{43}=)$/.exec(entry.trim()) ?? [];
    // Base64 of 32 bytes has two spare bits: demand the one spelling that leaves them zero.
    if (id === undefined || key === undefined || Buffer.from(key, "base64").toString("base64") !== key) {
      return wrong(`has an entry (number ${at + 1}) that is not <id of a-z and 0-9>:<base64 of 32 bytes>`);
    }
    if (ids.has(id) || keys.has(key)) return wrong(`names a key twice (entry number ${at + 1})`);
    ids.add(id);
    keys.add(key);
  }
  const values = [...keys];
  return { value: [...ids].map((id, at) => ({ id, key: new Credential(values[at] ?? "") })) };
};

export const adminToken: Parser<Credential> = (text) =>
  // It travels in a header, so it is printable ASCII without spaces.
  /^[\x21-\x7e]{32,}$/.test(text)
    ? { value: new Credential(text) }
    : wrong("is shorter than 32 characters, or has characters that are not printable ASCII");

export const metricsToken: Parser<Credential> = (text) =>
  /^[\x21-\x7e]{16,}$/.test(text)
    ? { value: new Credential(text) }
    : wrong("is shorter than 16 characters, or has characters that are not printable ASCII");

export const redisUrl: Parser<Credential> = (text) => {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return wrong("is not a redis:// or rediss:// URL");
  return { value: new Credential(text) };
};

function hostAndPort(text: string): string | undefined {
  const [, host = "", port = ""] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const known = bare === host ? isIP(host) === 4 || hostname.test(host) : isIP(bare) === 6;
  return known && Number(port) >= 1 && Number(port) <= 65_535 ? `${host.toLowerCase()}:${Number(port)}` : undefined;
}

function addressRange(text: string): { readonly address: string; readonly prefix: number } | undefined {
  const [, address = "", length] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  const most = version === 4 ? 32 : 128;
  const prefix = length === undefined ? most : Number(length);
  return prefix <= most ? { address: address.toLowerCase(), prefix } : undefined;
}

export const addressRanges: Parser<readonly { readonly address: string; readonly prefix: number }[]> = (text) => {
  const ranges = text.split(",").map((entry) => addressRange(entry.trim()));
  const bad = ranges.indexOf(undefined);
  if (bad !== -1) return wrong(`has an entry (number ${bad + 1}) that is neither an address nor a range`);
  return { value: ranges.filter((range) => range !== undefined) };
};

export const allowedUpstreams: Parser<AllowedUpstreams> = (text) => {
  const hosts: string[] = [];
  const ranges: { readonly address: string; readonly prefix: number }[] = [];
  for (const [at, entry] of text.split(",").entries()) {
    const range = addressRange(entry.trim());
    const host = hostAndPort(entry.trim());
    if (range !== undefined) ranges.push(range);
    else if (host !== undefined) hosts.push(host);
    else return wrong(`has an entry (number ${at + 1}) that is neither host:port nor an address or range`);
  }
  return { value: { hosts, ranges } };
};
