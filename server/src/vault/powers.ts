// What the keeper may use. Types only; compose.ts hands the values over.
import type { KeyRing } from "../crypto/seal.ts";
import type { Store } from "../store/store.ts";
import type { Preset } from "../upstream/presets.ts";
import type { OAuth } from "../upstream/provider.ts";

export interface VaultPowers {
  readonly ring: KeyRing;
  readonly store: Store;
  readonly oauth: OAuth;
  readonly presetNamed: (name: string) => Preset | undefined;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly sleep: (ms: number) => Promise<void>;
  /** Tells this process from every other in leases and attempts. */
  readonly holder: string;
  /** Public origin: redirect URIs are ours and exact. */
  readonly origin: string;
  /** How long one refresh may hold an account; `refreshLeaseMs` but for tests. */
  readonly leaseMs: number;
  readonly warn: (message: string, fields: Record<string, unknown>) => void;
}
