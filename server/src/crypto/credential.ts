// A secret in plain form. It can be attached to a request or sealed; it cannot be printed, joined, compared or serialised.

const inspect = Symbol.for("nodejs.util.inspect.custom");

/** Plaintext of a secret, in memory only. `reveal` is fenced: the linter allows it in crypto/, upstream/, vault/ and the root. */
export class Credential {
  readonly #plain: string;

  constructor(plain: string) {
    this.#plain = plain;
    Object.freeze(this);
  }

  /** The plain text. Never keep, log or return it. */
  reveal(): string {
    return this.#plain;
  }

  toString(): string {
    return "[credential]";
  }

  toJSON(): string {
    return "[credential]";
  }

  // An interpolated secret is a mistake at the place where it happens: fail there, not in a log weeks later.
  [Symbol.toPrimitive](): never {
    throw new TypeError("A credential cannot be interpolated, added or compared");
  }

  [inspect](): string {
    return "[credential]";
  }
}
