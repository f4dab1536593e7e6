// Ids carry their kind in a prefix, so that a human, a log and a type checker all see what they name.

declare const brand: unique symbol;
type Id<Kind extends string> = string & { readonly [brand]: Kind };

export type ProjectId = Id<"project">;
export type ConnectionId = Id<"connection">;
export type AccountId = Id<"account">;
export type TokenId = Id<"token">;
export type LinkId = Id<"link">;
export type AttemptId = Id<"attempt">;
export type EventId = Id<"event">;
export type RevocationId = Id<"revocation">;
export type EndpointId = Id<"endpoint">;

/** Prefix of each kind of id. A new kind is a decision (docs/architecture.md, nouns). */
export const idPrefixes = {
  project: "prj",
  connection: "con",
  account: "acc",
  token: "tok",
  link: "lnk",
  attempt: "att",
  execution: "exe",
  event: "evt",
  request: "rqr",
  revocation: "rev",
  endpoint: "end",
} as const;

export type IdKind = keyof typeof idPrefixes;

/** Prefixes reserved for kinds that later parts bring: a name may never start with one of these either. */
const reservedPrefixes = ["app", "agt", "req", "cns"];

/**
 * Makes an id from 16 random bytes: prefix, underscore and a version 4 UUID (RFC 9562) without dashes,
 * so that `prj_` and the bare UUID are the same id.
 */
export function idFrom<Kind extends IdKind>(kind: Kind, random: Uint8Array): Id<Kind> {
  const bytes = random.slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${idPrefixes[kind]}_${hex}` as Id<Kind>;
}

/** Reads an id of one kind from the outside; anything else is undefined. */
export function parseId<Kind extends IdKind>(kind: Kind, text: string): Id<Kind> | undefined {
  const prefix = `${idPrefixes[kind]}_`;
  if (!text.startsWith(prefix) || !/^[0-9a-f]{32}$/.test(text.slice(prefix.length))) return undefined;
  return text as Id<Kind>;
}

/** A project is addressed by `prj_…` or by its UUID, in any case, with dashes. */
export function parseProjectId(text: string): ProjectId | undefined {
  const uuid = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i.exec(text);
  return parseId("project", uuid === null ? text : `prj_${uuid.slice(1).join("").toLowerCase()}`);
}

/** The UUID of a project, with dashes. */
export function uuidOf(id: ProjectId): string {
  const hex = id.slice("prj_".length);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Names and slugs (design §10.19): `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`, never starting with an id prefix. */
export function isName(text: string): boolean {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(text)) return false;
  return ![...Object.values(idPrefixes), ...reservedPrefixes].some((prefix) => text.startsWith(`${prefix}_`));
}

/** Identifiers (design §10.19): 1 to 255 characters, no controls, NFC, case-sensitive; undefined when it is none. */
export function parseIdentifier(text: string): string | undefined {
  const normal = text.normalize("NFC");
  const length = [...normal].length;
  if (length < 1 || length > 255 || !normal.isWellFormed() || /\p{Cc}/u.test(normal)) return undefined;
  return normal;
}
