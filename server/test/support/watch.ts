// Keeps every secret that ever existed and everything that was ever said, and finds the one in the other.
import type { FakeGitHub } from "../fake-github/index.ts";
import { type Answer, type Ask, call } from "./house.ts";

export interface Said {
  readonly where: string;
  readonly text: string;
}

/** A text as it may lie hidden in another: plain, percent-encoded, hexadecimal, and Base64 at any of its three alignments. */
function disguises(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Cut to whole groups of three bytes, so that what stands before and after cannot change the characters looked for.
  const aligned = [0, 1, 2].map((skip) => {
    const length = Math.floor((bytes.length - skip) / 3) * 3;
    return bytes.subarray(skip, skip + length).toString("base64");
  });
  const urls = aligned.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  return [...new Set([secret, encodeURIComponent(secret), bytes.toString("hex"), ...aligned, ...urls])];
}

export class Watch {
  readonly #secrets = new Map<string, string>();
  readonly said: Said[] = [];

  /** From now on this must be found nowhere. */
  hide(what: string, secret: string | null | undefined): void {
    if (secret === null || secret === undefined || secret.length < 16) throw new Error(`${what} is no secret`);
    this.#secrets.set(secret, what);
  }

  /** `shows`: the secrets this very place is there to show; everything else is still looked for in it. */
  hear(where: string, text: string, shows: readonly string[] = []): void {
    this.said.push({ where, text: shows.reduce((left, secret) => left.replaceAll(secret, "(shown)"), text) });
  }

  /** A call whose answer, with its headers, is kept; members named in `shows` are secrets that it is there to show. */
  async call(origin: string, where: string, ask: Ask & { shows?: readonly string[] } = {}): Promise<Answer> {
    const [method = "", path = ""] = where.split(" ");
    const answer = await call(origin, method, path, ask);
    const shown = (ask.shows ?? []).map((member) => String(answer.json?.[member] ?? ""));
    const headers = [...answer.headers].map((pair) => pair.join(": ")).join("\n");
    this.hear(where, `${headers}\n${answer.text}`, shown.filter(Boolean));
    return answer;
  }

  /** Every token and PKCE verifier that the provider gave, got or still holds. */
  gather(fake: FakeGitHub, logins: readonly string[]): void {
    const living = logins.flatMap((login) => fake.liveTokens(login));
    const traffic = JSON.stringify([fake.calls, living]);
    for (const [token] of traffic.matchAll(/gh[our]_[A-Za-z0-9]{36,}/g)) this.hide("a GitHub token", token);
    for (const [, verifier] of traffic.matchAll(/code_verifier=([A-Za-z0-9_-]{43})/g))
      this.hide("a PKCE verifier", verifier);
    for (const [, code] of traffic.matchAll(/[?&"]code=([0-9a-f]{20})/g)) this.hide("an authorization code", code);
  }

  /** How many secrets of a kind are known: a search for none proves nothing. */
  count(what: string): number {
    return [...this.#secrets.values()].filter((kind) => kind === what).length;
  }

  /** Where a secret can be read that must not be there. */
  leaks(places: readonly Said[] = this.said): string[] {
    const found = new Set<string>();
    for (const [secret, what] of this.#secrets) {
      const forms = disguises(secret);
      for (const { where, text } of places)
        if (forms.some((form) => text.includes(form))) found.add(`${what} in ${where}`);
    }
    return [...found].toSorted();
  }
}
