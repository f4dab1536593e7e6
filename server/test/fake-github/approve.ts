// Plays the person: opens the consent page, submits what the page carried, stops before the app's callback.

interface Decision {
  deny?: boolean;
  scopes?: string[];
}

export async function approve(authorizeUrl: string, login: string, decision: Decision = {}): Promise<string> {
  const page = await fetch(authorizeUrl, { redirect: "manual" });
  const early = page.headers.get("location");
  if (early !== null) {
    await page.body?.cancel();
    return early;
  }
  const html = await page.text();
  if (page.status !== 200) throw new Error(`fake-github: the authorize page answered ${page.status}: ${html}`);
  const form = new URLSearchParams(hiddenFields(html));
  form.set("login", login);
  form.set("authorize", decision.deny === true ? "0" : "1");
  if (decision.scopes !== undefined) form.set("granted_scope", decision.scopes.join(" "));
  const action = /<form[^>]* action="([^"]+)"/.exec(html)?.[1] ?? "";
  const answer = await fetch(new URL(action, authorizeUrl), { method: "POST", body: form, redirect: "manual" });
  const location = answer.headers.get("location");
  const text = await answer.text();
  if (location === null) throw new Error(`fake-github: the decision answered ${answer.status}: ${text}`);
  return location;
}

function hiddenFields(html: string): [string, string][] {
  const found = html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g);
  return [...found].map(([, name = "", value = ""]) => [unescape(name), unescape(value)]);
}

function unescape(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
}
