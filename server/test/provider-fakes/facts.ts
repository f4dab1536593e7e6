// What is known of a provider, as a fake needs it: written from the provider's documents, not from our presets.

/** An answer, word for word. */
export interface Said {
  readonly status: number;
  readonly body: unknown;
}

export interface Pair {
  readonly access: string;
  readonly refresh: string | null;
  /** Space-separated. */
  readonly scopes: string;
}

/** `body`: client_id and client_secret as members; `basic`: the plain pair, never form-encoded. */
export type ClientProof = "body" | "basic" | "none";

export interface Facts {
  readonly preset: string;
  readonly authorize: {
    /** Host and path. */
    readonly at: string;
    /** Parameters without which the provider shows an error page, or brings back something else than we need. */
    readonly demands: Readonly<Record<string, string>>;
    readonly scopes: { readonly parameter: string; readonly separator: string; readonly demanded: readonly string[] };
    /** `breaks`: an exchange with PKCE and a client secret at once fails. */
    readonly pkce: "enforced" | "ignored" | "breaks";
    readonly iss: string | null;
  };
  readonly token: {
    readonly at: string;
    readonly type: "form" | "json";
    readonly proof: ClientProof;
    readonly headers: Readonly<Record<string, string>>;
    readonly first: (pair: Pair) => Said;
    readonly refreshed: (pair: Pair) => Said;
    readonly says: {
      readonly badRequest: Said;
      readonly badClient: Said;
      readonly badCode: Said;
      readonly badRedirect: Said;
      readonly badRefresh: Said;
    };
    /** `overlapping`: a new refresh token each time, and the old one lives on. */
    readonly refresh: "rotating" | "overlapping" | "kept";
    /** The part of the authorization request that brings a refresh token; null: it always comes. */
    readonly refreshNeeds: { readonly parameter: string; readonly includes: string } | null;
  };
  readonly revoke: {
    readonly at: string;
    readonly type: "form" | "json";
    readonly proof: ClientProof;
    readonly headers: Readonly<Record<string, string>>;
    /** The members that may name a token. */
    readonly members: readonly string[];
    /** Members that may come besides; anything else is refused. */
    readonly besides: readonly string[];
    readonly ends: "grant" | "token";
    readonly done: Said;
    readonly dead: Said;
    readonly badRequest: Said;
  } | null;
  readonly person: {
    readonly at: string;
    readonly method: "GET" | "POST";
    readonly headers: Readonly<Record<string, string>>;
    /** What a JSON body has to hold; null: there is none. */
    readonly asks: RegExp | null;
    readonly scope: string | null;
    readonly answer: unknown;
    readonly refused: Said;
    readonly is: { readonly id: string; readonly login: string | null; readonly name: string | null };
  };
}

/** RFC 6749 §5.2. */
export function standardSays(badClientStatus = 401): Facts["token"]["says"] {
  const said = (status: number, error: string): Said => ({ status, body: { error, error_description: error } });
  return {
    badRequest: said(400, "invalid_request"),
    badClient: said(badClientStatus, "invalid_client"),
    badCode: said(400, "invalid_grant"),
    badRedirect: said(400, "invalid_grant"),
    badRefresh: said(400, "invalid_grant"),
  };
}

/** RFC 6749 §5.1. */
export function standardPair(expires_in: number, token_type = "Bearer"): (pair: Pair) => Said {
  return ({ access, refresh, scopes }) => ({
    status: 200,
    body: {
      access_token: access,
      token_type,
      expires_in,
      ...(refresh === null ? {} : { refresh_token: refresh }),
      scope: scopes,
    },
  });
}
