// Authorization codes and device codes: short-lived, single use, bound to who asked (github-facts 3.2, 3.3).
import { randomBytes } from "node:crypto";
import type { Account, Client } from "./model.ts";

const CODE_LIFE_MS = 10 * 60_000;
const DEVICE_LIFE_MS = 900_000;

export interface Code {
  value: string;
  client: Client;
  user: Account;
  redirectUri: string;
  challenge: string | null;
  scopes: string[];
  expiresAt: number;
  spent: boolean;
}

export interface DeviceCode {
  deviceCode: string;
  userCode: string;
  client: Client;
  scopes: string[];
  expiresAt: number;
  intervalS: number;
  lastPollAt: number | null;
  outcome: "pending" | "denied" | "spent" | Account;
}

export class CodeStore {
  readonly #clock: { now(): number };
  readonly #codes: Code[] = [];
  readonly #devices: DeviceCode[] = [];
  /** Decision tokens of rendered consent pages (GitHub's authenticity_token). */
  readonly #pages = new Set<string>();

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  issue(code: Omit<Code, "value" | "expiresAt" | "spent">): Code {
    const made: Code = {
      ...code,
      value: randomBytes(10).toString("hex"),
      expiresAt: this.#clock.now() + CODE_LIFE_MS,
      spent: false,
    };
    this.#codes.push(made);
    return made;
  }

  usable(value: string, client: Client): Code | undefined {
    const now = this.#clock.now();
    return this.#codes.find(
      (code) => code.value === value && code.client === client && !code.spent && code.expiresAt > now,
    );
  }

  openPage(): string {
    const token = randomBytes(16).toString("hex");
    this.#pages.add(token);
    return token;
  }

  closePage(token: string): boolean {
    return this.#pages.delete(token);
  }

  startDevice(client: Client, scopes: string[]): DeviceCode {
    const letters = randomBytes(8).toString("hex").toUpperCase();
    const made: DeviceCode = {
      deviceCode: randomBytes(20).toString("hex"),
      userCode: `${letters.slice(0, 4)}-${letters.slice(4, 8)}`,
      client,
      scopes,
      expiresAt: this.#clock.now() + DEVICE_LIFE_MS,
      intervalS: 5,
      lastPollAt: null,
      outcome: "pending",
    };
    this.#devices.push(made);
    return made;
  }

  device(code: string, client: Client): DeviceCode | undefined {
    return this.#devices.find((one) => one.deviceCode === code && one.client === client);
  }

  deviceByUserCode(userCode: string): DeviceCode | undefined {
    return this.#devices.find((one) => one.userCode === userCode && one.expiresAt > this.#clock.now());
  }
}
