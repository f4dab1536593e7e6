// The person of the demo, with a browser: opens a link, picks a user at GitHub, comes back, keeps cookies on the way.

interface Landing {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
}

export class Browser {
  readonly #cookies = new Map<string, string>();

  async open(url: string, form?: URLSearchParams): Promise<Landing> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      redirect: "manual",
      ...(cookie === "" ? {} : { headers: { cookie } }),
      ...(form === undefined ? {} : { method: "POST", body: form }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) this.#cookies.set(name, value);
    }
    const location = response.headers.get("location");
    const text = await response.text();
    return { status: response.status, location: location === null ? undefined : new URL(location, url).href, text };
  }
}

/** Where a page sent the browser; throws when it did not. */
export function redirected({ status, location, text }: Landing): string {
  if (location === undefined) throw new Error(`a redirect was expected, and ${status} came: ${text.slice(0, 200)}`);
  return location;
}

/** The form with which this user says yes at the emulator's picker. */
export function formOf(page: string, login: string): { readonly action: string; readonly fields: URLSearchParams } {
  for (const [, attributes = "", body = ""] of page.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)) {
    const inputs = [...body.matchAll(/<input\b[^>]*>/g)].map(([input]) => input);
    const fields = new URLSearchParams();
    for (const input of inputs) fields.append(attribute(input, "name"), attribute(input, "value"));
    if (fields.get("login") === login) return { action: attribute(attributes, "action"), fields };
  }
  throw new Error(`GitHub's page does not offer the user ${login}`);
}

const entities: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

function attribute(tag: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "";
  return value.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity);
}
