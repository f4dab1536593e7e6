// What holds for a provider that keeps to RFC 6749, 7009 and 7636: a row says only where it differs.
import type { AnswerDialect, Preset, RevocationAsk, UserCall } from "./preset.ts";

export const standardAnswers = {
  okMember: null,
  errorMembers: ["error"],
  tokenMember: null,
  bearerTypes: ["bearer"],
} as const satisfies AnswerDialect;

export const standardRevocation = {
  auth: "client",
  fields: "rfc7009",
  sends: "both",
  deadErrors: [],
  deadStatuses: [],
} as const satisfies RevocationAsk;

/** OpenID Connect Core §5.3. */
export const standardUser = {
  method: "GET",
  body: null,
  id: "sub",
  within: null,
  login: "preferred_username",
  name: "name",
  refusals: [],
} as const satisfies UserCall;

/** For `urls`: what only GitHub has. */
export const nothingOfGitHub = { tokenCheck: null, grant: null, installations: null } as const;

export const standard = {
  kind: "oauth",
  issuer: null,
  requiredScopes: [],
  sendsScopes: true,
  scopeParameter: "scope",
  scopeSeparator: " ",
  authorizeParameters: {},
  pkce: "S256",
  tokenAuth: "body",
  tokenBody: "form",
  tokenHeaders: {},
  answers: standardAnswers,
  callback: "own",
  tokenCheck: "none",
  revocation: "rfc7009",
  revocationAsk: standardRevocation,
  grantErrors: [],
  clientErrors: [],
  apiHeaders: { accept: "application/json" },
  user: standardUser,
  installations: false,
  tokenLimit: null,
  upstreams: [],
  endpoint: { upstreamUrl: "{api}", headers: {} },
} as const satisfies Partial<Preset>;
