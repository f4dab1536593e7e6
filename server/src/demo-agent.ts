// Callers of the demo: plain HTTP with one gateway token; everything that comes back is kept, to be searched afterwards.

export interface Caller {
  readonly token: string;
  /** Everything this caller ever received, byte for byte: its token, and all answers with their headers. */
  readonly received: readonly string[];
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
}

export function makeCaller(origin: string, token: string): Caller {
  const received = [token];
  return {
    token,
    received,
    async call<T>(method: string, path: string, body?: unknown) {
      const response = await fetch(origin + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      received.push(`${response.status}\n${headers}\n\n${bytes.toString("latin1")}`);
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${bytes.toString()}`);
      return JSON.parse(bytes.toString()) as T;
    },
  };
}

/** How often these secrets stand in these texts, plain or in Base64. */
export function hitsIn(texts: readonly string[], secrets: readonly string[]): number {
  const needles = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString("base64").replaceAll("=", "")]);
  return texts.reduce(
    (sum, text) => sum + needles.reduce((count, needle) => count + text.split(needle).length - 1, 0),
    0,
  );
}

/** A few characters of a secret: enough to see what kind it is. */
export function masked(secret: string): string {
  return `${secret.slice(0, 6)}…`;
}
