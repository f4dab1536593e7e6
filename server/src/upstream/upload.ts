// Carries a caller's request body to the upstream in bounded memory, and never harms the caller's connection.
import { Readable } from "node:stream";
import type { Passed } from "./relief.ts";

/** The `code` of the error when the caller stopped in the middle of the body; outcome.ts reads it. */
export const cutCode = "BEHALF_CUT";

/**
 * undici destroys the body it is given when an exchange ends early, and would stall the connection of a caller who is
 * still sending. So it gets this stand-in: ending it lets go of the source, whose rest is thrown away by the server.
 */
export class Upload extends Readable {
  readonly #source: Readable;
  readonly #passed: Passed;

  constructor(source: Readable, passed: Passed) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    this.#passed = passed;
    source.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose).on("error", this.#onClose);
    source.pause();
    if (source.readableEnded) this.push(null);
    else if (source.destroyed) this.#onClose();
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const source = this.#source;
    source.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose).off("error", this.#onClose);
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#passed(chunk.length);
    if (!this.push(chunk)) this.#source.pause();
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (this.#source.readableEnded) return;
    this.destroy(Object.assign(new Error("The request body was cut"), { code: cutCode }));
  };
}
