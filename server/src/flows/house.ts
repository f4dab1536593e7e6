// Every power a flow may be given. Types only; compose.ts makes the values once.
import type { Log } from "../log.ts";
import type { AddressRange } from "../rules/addresses.ts";
import type { IdKind, idFrom } from "../rules/ids.ts";
import type { Store } from "../store/store.ts";
import type { makeInputCheck } from "../tools/validate.ts";
import type { Forward } from "../upstream/forward-types.ts";
import type { GitHub } from "../upstream/github.ts";
import type { Preset } from "../upstream/presets.ts";
import type { OAuth } from "../upstream/provider.ts";
import type { Vault } from "../vault/vault.ts";

export interface House {
  readonly store: Store;
  readonly vault: Vault;
  readonly oauth: OAuth;
  readonly github: GitHub;
  readonly forward: Forward;
  readonly presets: readonly Preset[];
  readonly log: Log;
  readonly now: () => number;
  readonly newId: <Kind extends IdKind>(kind: Kind) => ReturnType<typeof idFrom<Kind>>;
  /** Public origin: the only base of URLs we build (promise 7). */
  readonly origin: string;
  /** Digest of the instance token from the environment; null when the database holds it. */
  readonly adminDigest: string | null;
  /** Whether the SSRF guard would let an address through, as far as its name tells. */
  readonly mayReach: (url: URL) => boolean;
  readonly checkInput: ReturnType<typeof makeInputCheck>;
  /** Runs something nobody waits for; awaited at shutdown, its failure logged. */
  readonly background: (name: string, task: () => Promise<unknown>) => void;
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly AddressRange[];
  /** Aborted when the server begins to end: what only waits stops then (design §10.17). */
  readonly ending: AbortSignal;
}
