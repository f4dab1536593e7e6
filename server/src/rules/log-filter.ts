// The little language in which the live log is asked: `status:4xx endpoint:github since:15m "some text"`.
import { parseId } from "./ids.ts";
import { type RequestRecord, surfaces } from "./request-record.ts";

/** Members of a record that can be asked for by value. */
export type LogField = keyof Pick<
  RequestRecord,
  | "surface"
  | "method"
  | "endpoint"
  | "tool"
  | "connection"
  | "accountId"
  | "identifier"
  | "tokenId"
  | "tokenName"
  | "agent"
  | "refusal"
>;

/** One key of the filter. Its values are alternatives; different keys must all hold. */
export type LogClause =
  | { readonly kind: "equal"; readonly alternatives: readonly { readonly field: LogField; readonly value: string }[] }
  | { readonly kind: "status"; readonly ranges: readonly StatusRange[] };

/** Both ends included. */
export interface StatusRange {
  readonly least: number;
  readonly most: number;
}

/** Plain data: it goes to another thread. */
export interface LogFilter {
  readonly clauses: readonly LogClause[];
  /** Epoch milliseconds, included. */
  readonly since: number | null;
  readonly until: number | null;
  /** Each is somewhere in path, tool, endpoint, identifier or a request id; case does not matter. */
  readonly words: readonly string[];
}

export type FilterReading =
  | { readonly kind: "filter"; readonly filter: LogFilter }
  | { readonly kind: "faulty"; readonly faults: readonly string[] };

type Term = { readonly key: string; readonly value: string } | { readonly word: string };
type Value = { readonly field: LogField; readonly value: string } | StatusRange | { readonly fault: string };

const termsMax = 30;
const statusMax = 999;
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const readers: Readonly<Record<string, (value: string) => Value>> = {
  status: statusRange,
  endpoint: (value) => ({ field: "endpoint", value }),
  account: (value) => ({ field: parseId("account", value) === undefined ? "identifier" : "accountId", value }),
  identifier: (value) => ({ field: "identifier", value }),
  connection: (value) => ({ field: "connection", value }),
  agent: (value) => ({ field: "agent", value }),
  tool: (value) => ({ field: "tool", value }),
  token: (value) => ({ field: parseId("token", value) === undefined ? "tokenName" : "tokenId", value }),
  method: (value) => ({ field: "method", value: value.toUpperCase() }),
  refusal: (value) => ({ field: "refusal", value: value.toLowerCase() }),
  surface: (value) =>
    surfaces.some((surface) => surface === value)
      ? { field: "surface", value }
      : { fault: `\`surface:\` takes ${surfaces.join(", ")}.` },
};

/** Every key there is, as a refusal lists them. */
export const logKeys: readonly string[] = [...Object.keys(readers), "since", "until"];

export function parseLogFilter(text: string, now: number): FilterReading {
  const terms = termsOf(text);
  if (terms.length > termsMax) return { kind: "faulty", faults: [`A filter has at most ${termsMax} parts.`] };
  const faults: string[] = [];
  const values = new Map<string, Value[]>();
  const times: Times = { since: [], until: [] };
  const words: string[] = [];
  for (const term of terms) {
    if ("word" in term) {
      words.push(term.word);
      continue;
    }
    const value = valueOf(term, now);
    if ("fault" in value) faults.push(value.fault);
    else if ("time" in value) times[value.bound].push(value.time);
    else values.set(term.key, [...(values.get(term.key) ?? []), value]);
  }
  if (faults.length > 0) return { kind: "faulty", faults: [...new Set(faults)] };
  const clauses = [...values.values()].map(clauseOf);
  return { kind: "filter", filter: { clauses, since: latest(times.since), until: earliest(times.until), words } };
}

interface Times {
  readonly since: number[];
  readonly until: number[];
}

function valueOf(
  { key, value }: Extract<Term, { key: string }>,
  now: number,
): Value | { readonly bound: keyof Times; readonly time: number } {
  if (value === "") return { fault: `\`${logKeys.includes(key) ? key : "…"}:\` needs a value.` };
  if (key !== "since" && key !== "until") {
    const read = Object.hasOwn(readers, key) ? readers[key] : undefined;
    return read?.(value) ?? unknownKey();
  }
  const time = parseLogTime(value, now);
  if (time !== undefined) return { bound: key, time };
  return { fault: `\`${key}:\` takes a time span such as 15m, 2h or 3d, or a time in ISO 8601.` };
}

// The name itself is the caller's own words, which may be long or hostile: it is not repeated.
function unknownKey(): { readonly fault: string } {
  return {
    fault: `A key is not known. Known are ${logKeys.map((key) => `${key}:`).join(" ")} — put quotes around text with a colon in it.`,
  };
}

/** A span before now (`15m`), or a time in ISO 8601; undefined when it is neither. */
function parseLogTime(text: string, now: number): number | undefined {
  const span = /^(\d{1,6})([smhd])$/.exec(text);
  if (span !== null) return Math.max(now - Number(span[1]) * (unitMs[span[2] ?? ""] ?? 0), 0);
  if (!/^\d{4}-\d{2}-\d{2}(?:T[\d:.]{4,12}(?:Z|[+-]\d{2}:\d{2})?)?$/.test(text)) return undefined;
  // Without a zone ISO 8601 means local time; whoever reads a log in UTC means UTC.
  const time = Date.parse(/T[^Z+-]*$/.test(text) ? `${text}Z` : text);
  return Number.isNaN(time) || time < 0 ? undefined : time;
}

function latest(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.max(...times);
}

function earliest(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.min(...times);
}

function clauseOf(values: readonly Value[]): LogClause {
  const ranges = values.filter((value) => "least" in value);
  if (ranges.length > 0) return { kind: "status", ranges };
  return { kind: "equal", alternatives: values.filter((value) => "field" in value) };
}

function statusRange(value: string): Value {
  const one = /^(\d)xx$/i.exec(value);
  if (one !== null) return { least: Number(one[1]) * 100, most: Number(one[1]) * 100 + 99 };
  const compared = /^(>=|<=|>|<|=)?(\d{1,3})$/.exec(value);
  if (compared === null) return { fault: "`status:` takes a status (502), a class (4xx) or a comparison (>=500)." };
  const status = Number(compared[2]);
  switch (compared[1]) {
    case ">=":
      return { least: status, most: statusMax };
    case ">":
      return { least: status + 1, most: statusMax };
    case "<=":
      return { least: 0, most: status };
    case "<":
      return { least: 0, most: status - 1 };
    default:
      return { least: status, most: status };
  }
}

/** GitHub writes its request ids so: whoever pastes one looks for it. */
const requestId = /^[0-9A-F]{2,}(?::[0-9A-F]{2,}){2,}$/i;

/** Cuts the text into parts. A part is a word, a text in quotes, or a key with one of both; a quote left open closes at the end. */
function termsOf(text: string): readonly Term[] {
  const pattern = /([A-Za-z][A-Za-z_-]*):(?=\s|$)|(?:([A-Za-z][A-Za-z_-]*):)?(?:"((?:[^"\\]|\\.)*)(?:"|$)|(\S+))/g;
  const terms: Term[] = [];
  for (const [whole, lonely, key, quoted, bare] of text.matchAll(pattern)) {
    if (requestId.test(whole)) {
      terms.push({ word: whole });
      continue;
    }
    const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? bare ?? "";
    const name = (key ?? lonely)?.toLowerCase();
    if (name !== undefined) terms.push({ key: name, value });
    else if (value !== "") terms.push({ word: value });
  }
  return terms;
}
