// The keeper: everything the house may ask of secrets, in one list.

import { Credential } from "../crypto/credential.ts";
import { type DigestPurpose, digestOf, digestOfBytes, sameText } from "../crypto/digest.ts";
import { isGatewayToken, issueGatewayToken, tokenDigest } from "../crypto/gateway-token.ts";
import { unguessable } from "../crypto/random.ts";
import type { Place } from "../crypto/seal.ts";
import type { RevocationId } from "../rules/ids.ts";
import type { AccountRow, AttemptRow, ConnectionRow } from "../store/schema.ts";
import type { Record as RecordEvent, Tables } from "../store/store.ts";
import type { Provider, Tokens } from "../upstream/provider.ts";
import { type Adopted, type Adoption, adopt } from "./adopt.ts";
import { attemptRevocation, queueRevocation, type RevocationAsk } from "./destroy.ts";
import { check, type Doubt, doubt } from "./doubt.ts";
import { adoptImport, type Import, type Imported } from "./import.ts";
import { noteRing } from "./keys.ts";
import { type Lent, type Loan, lend } from "./lend.ts";
import type { VaultPowers } from "./powers.ts";
import { makeRefresher, type RefreshResult } from "./refresh.ts";
import * as takeIn from "./take-in.ts";

/** A one-time secret: the plain text goes out once, the digest stays. */
export interface Ticket {
  readonly plain: string;
  readonly digest: string;
}

export interface Vault {
  issueTicket(purpose: DigestPurpose): Ticket;
  digest(purpose: DigestPurpose, ...parts: readonly string[]): string;
  digestBytes(bytes: Uint8Array): string;
  /** A new gateway token; its plain text is shown once, by the call that asked for it. */
  issueToken(environment: "live" | "test"): Ticket & { readonly preview: string };
  isToken(text: string): boolean;
  tokenDigest(plain: string): string;
  same(left: string, right: string): boolean;

  sealClientSecret(connection: Pick<ConnectionRow, "id" | "project_id">, secret: string): string;
  sealText(place: Place, text: string): string;
  openText(place: Place, sealed: string): string;
  provider(connection: ConnectionRow): Provider;
  redirectUri(connection: Pick<ConnectionRow, "id" | "preset">): string;

  sealTokens(account: Pick<AccountRow, "id" | "project_id">, tokens: Tokens): takeIn.CredentialColumns;
  tokensOf(brought: Parameters<typeof takeIn.tokensOf>[0]): Tokens;
  sealAttempt(attempt: Pick<AttemptRow, "id" | "project_id">, tokens: takeIn.TokenPair): string;
  openAttempt(
    attempt: Pick<AttemptRow, "id" | "project_id" | "credential" | "grant_facts">,
  ): takeIn.EndingPair | undefined;
  openAccount(account: Pick<AccountRow, "id" | "project_id" | "credential">): takeIn.TokenPair | undefined;

  /** Inside the transaction that ends the attempt. */
  adopt(change: { readonly tables: Tables; readonly record: RecordEvent }, adoption: Adoption): Promise<Adopted>;
  /** Inside the transaction that found or made the account. */
  adoptImport(change: { readonly tables: Tables; readonly record: RecordEvent }, ask: Import): Promise<Imported>;
  lend(account: AccountRow): Promise<Loan>;
  doubt(lent: Lent): Promise<Doubt>;
  check(account: AccountRow): Promise<AccountRow>;
  refresh(account: AccountRow): Promise<RefreshResult>;
  queueRevocation(tables: Tables, ask: RevocationAsk): Promise<RevocationId>;
  attemptRevocation(id: RevocationId): Promise<boolean>;
  /** Says which keys this server has: rotation waits for servers that lack the newest. */
  noteKeys(): Promise<void>;
  /** Before the process ends. */
  forgetKeys(): Promise<void>;
  /** Waits for refreshes under way: before the process ends, never per request. */
  settle(): Promise<void>;
}

export function makeVault(powers: VaultPowers): Vault {
  const { ring, random } = powers;
  const refresher = makeRefresher(powers);
  return {
    issueTicket(purpose) {
      const plain = unguessable(random);
      return { plain, digest: digestOf(purpose, plain) };
    },
    digest: digestOf,
    digestBytes: digestOfBytes,
    issueToken(environment) {
      const { plain, digest, preview } = issueGatewayToken(environment, random);
      return { plain: plain.reveal(), digest, preview };
    },
    isToken: isGatewayToken,
    tokenDigest,
    same: sameText,

    sealClientSecret: (connection, secret) => takeIn.sealClientSecret(ring, connection, secret),
    sealText: (place, text) => ring.seal(new Credential(text), place),
    openText: (place, sealed) => ring.open(sealed, place).reveal(),
    provider: (connection) => takeIn.openProvider(powers, connection),
    redirectUri: (connection) => takeIn.redirectUriOf(powers, connection),

    sealTokens: (account, tokens) => takeIn.sealForAccount(powers, account, tokens),
    tokensOf: takeIn.tokensOf,
    sealAttempt: (attempt, tokens) => takeIn.sealForAttempt(ring, attempt, tokens),
    openAttempt: (attempt) => takeIn.openAttempt(ring, attempt),
    openAccount: (account) => takeIn.openAccount(ring, account),

    adopt: async (change, adoption) => adopt(powers, change, adoption),
    adoptImport: async (change, ask) => adoptImport(powers, change, ask),
    lend: async (account) => lend(powers, refresher.refresh, account),
    doubt: async (lent) => doubt(powers, refresher.refresh, lent),
    check: async (account) => check(powers, refresher.refresh, account),
    refresh: refresher.refresh,
    queueRevocation: async (tables, ask) => queueRevocation(powers, tables, ask),
    attemptRevocation: async (id) => attemptRevocation(powers, id),
    noteKeys: async () => noteRing(ring, powers.store, { holder: powers.holder, now: powers.now() }),
    forgetKeys: async () => powers.store.rings.forget(powers.holder),
    settle: refresher.settle,
  };
}
