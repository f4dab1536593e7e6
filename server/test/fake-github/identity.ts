// Reads the Authorization header: who GitHub thinks is asking.
import type { Actor, Client } from "./model.ts";
import type { RecordedCall, TokenKind } from "./types.ts";
import type { World } from "./world.ts";

export interface Basic {
  user: string;
  password: string;
}

export function basicOf(header: string | undefined): Basic | null {
  const encoded = /^basic\s+(\S+)$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return null;
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon === -1) return null;
  return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** Both `Bearer x` and `token x`; anything else is no token. */
function bearerOf(header: string | undefined): string | null {
  return /^(?:bearer|token)\s+(\S+)$/i.exec(header ?? "")?.[1] ?? null;
}

/** null: credentials were sent and are bad. Never falls back to anonymous. */
export function actorOf(world: World, header: string | undefined): Actor | null {
  if (header === undefined) return { kind: "anonymous" };
  const basic = basicOf(header);
  if (basic !== null) {
    const client = clientOf(world, basic);
    if (client !== null) return { kind: "client", client };
  }
  // A token is also accepted as the password of Basic, or as its user name.
  const presented = bearerOf(header) ?? (basic?.password.includes("_") ? basic.password : basic?.user) ?? "";
  const token = world.tokens.find(presented);
  return token === undefined ? null : { kind: "user", user: token.user, token };
}

function clientOf(world: World, basic: Basic): Client | null {
  const client = world.client(basic.user);
  return client !== undefined && client.clientSecret === basic.password ? client : null;
}

export function identityKey(actor: Actor): string {
  switch (actor.kind) {
    case "anonymous":
      return "anonymous";
    case "client":
      return `client ${actor.client.clientId}`;
    default:
      // The primary limit is shared by all of a user's tokens (github-facts 3.7).
      return `user ${actor.user.id}`;
  }
}

export function describeCaller(
  world: World,
  headers: Record<string, string>,
): Pick<RecordedCall, "tokenKind" | "token" | "login"> {
  const header = headers["authorization"];
  if (header === undefined) return { tokenKind: "none", token: null, login: null };
  const token = bearerOf(header);
  if (token === null) return { tokenKind: basicOf(header) === null ? "unknown" : "basic", token: null, login: null };
  return { tokenKind: kindOf(token), token, login: world.tokens.known(token)?.user.login ?? null };
}

function kindOf(token: string): TokenKind {
  if (token.startsWith("gho_")) return "gho";
  if (token.startsWith("ghu_")) return "ghu";
  if (token.startsWith("ghp_")) return "ghp";
  return "unknown";
}
