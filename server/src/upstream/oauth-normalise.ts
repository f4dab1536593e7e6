// Makes the answer of any token endpoint look as RFC 6749 wants it, so that the protocol library judges only what is really there.
import { isJsonObject, type JsonObject, mediaType, parseJson, textOf } from "./answer-body.ts";
import type { Answer } from "./exchange.ts";
import type { AnswerDialect } from "./presets/preset.ts";

/** Longest life believed; anything beyond it is a number that means something else. */
const lifeMaxSeconds = 100 * 365 * 24 * 3600;

/** The error code where a provider's own breaks the grammar: nothing of it may be shown. */
export const unreadableError = "error_not_understood";

/**
 * GitHub answers errors with 200 and `error`, and form-encodes where Accept is ignored. Nothing but the members we use passes:
 * an `id_token` would be checked against an issuer we may not know, and a WWW-Authenticate header would hide the error.
 */
export function normalise(answer: Answer, dialect: AnswerDialect): Response {
  const members = membersOf(answer);
  if (members === undefined) return Response.json(null, { status: 502 });
  const error = errorIn(members, dialect);
  const success = answer.status >= 200 && answer.status < 300;
  const failing = answer.status >= 400 && answer.status < 600 ? answer.status : 502;
  if (error !== undefined) return Response.json({ error }, { status: success ? 400 : failing });
  return Response.json(success ? tokenMembers(members, dialect) : null, { status: success ? 200 : failing });
}

function membersOf(answer: Answer): JsonObject | undefined {
  const text = textOf(answer).trim();
  if (text.startsWith("{")) {
    const value = parseJson(text);
    return isJsonObject(value) ? value : undefined;
  }
  const type = mediaType(answer);
  if (type !== "application/x-www-form-urlencoded" && type !== "text/plain" && type !== "") return undefined;
  return Object.fromEntries(new URLSearchParams(text));
}

/** The error code of an answer; undefined when it is none. */
export function errorIn(members: JsonObject, { okMember, errorMembers }: AnswerDialect): string | undefined {
  const error = errorMembers
    .map((name) => members[name])
    .find((value) => value !== undefined && value !== null && value !== "");
  if (error === undefined) return okMember === null || members[okMember] === true ? undefined : unreadableError;
  return typeof error === "string" && /^[a-z_]{1,64}$/.test(error) ? error : unreadableError;
}

function tokenMembers(answer: JsonObject, dialect: AnswerDialect): JsonObject {
  const members = personsPart(answer, dialect);
  const refresh = members["refresh_token"];
  return {
    access_token: headerSafe(members["access_token"]),
    token_type: tokenType(members, dialect),
    expires_in: seconds(members["expires_in"]),
    ...(refresh === undefined || refresh === null || refresh === "" ? {} : { refresh_token: headerSafe(refresh) }),
    refresh_token_expires_in: seconds(members["refresh_token_expires_in"]),
    scope: scopesIn(members["scope"]),
  };
}

/** Slack refreshes a person's token at the top of the answer, where the first answer had the bot's: its type tells them apart. */
function personsPart(answer: JsonObject, { tokenMember }: AnswerDialect): JsonObject {
  const part = tokenMember === null ? undefined : answer[tokenMember];
  return isJsonObject(part) && part["access_token"] !== undefined ? part : answer;
}

/** RFC 6749 §7.1 has it compared without case; several providers leave it out. */
function tokenType(members: JsonObject, { bearerTypes }: AnswerDialect): string {
  const type = textIn(members["token_type"]) ?? "bearer";
  return bearerTypes.includes(type.toLowerCase()) ? "bearer" : `not_${type}`;
}

/** A token we can send in a header; empty, which the library refuses, for anything else. */
function headerSafe(value: unknown): string {
  return typeof value === "string" && /^[\x21-\x7e]{1,16384}$/.test(value) ? value : "";
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Some providers write numbers as text, and 0 or less for "does not end". */
function seconds(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !(number > 0 && number <= lifeMaxSeconds)) return undefined;
  return Math.floor(number);
}

/** Space-separated text; undefined when the provider did not say. GitHub separates with commas. */
function scopesIn(value: unknown): string | undefined {
  const list = Array.isArray(value) ? value.filter((item) => typeof item === "string").join(" ") : value;
  return typeof list === "string" ? splitScopes(list).join(" ") : undefined;
}

export function splitScopes(text: string): string[] {
  return text.split(/[\s,]+/).filter((scope) => scope !== "");
}
