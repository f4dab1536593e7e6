// The front page: what runs here and the first three calls. It knows no secret and no account.
import { html } from "hono/html";
import { type Html, page } from "./layout.ts";

export interface WelcomeView {
  readonly origin: string;
  readonly version: string;
}

export function welcomePage({ origin, version }: WelcomeView): Html {
  const calls = `# 1. A project, with the instance token
curl ${origin}/v1/projects -H "Authorization: Bearer $BEHALF_ADMIN_TOKEN" \\
  -H 'Content-Type: application/json' -d '{"name":"Acme"}'

# 2. A connection, with the project's token
curl ${origin}/v1/connections -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '{"name":"github","preset":"github-app","client_id":"…","client_secret":"…",
       "verification":"none"}'

# 3. An account, and a link for its person to open
curl -X PUT ${origin}/v1/connections/github/accounts/user_1 -H "Authorization: Bearer $TOKEN"
curl -X POST ${origin}/v1/connections/github/accounts/user_1/link -H "Authorization: Bearer $TOKEN"`;
  return page(
    {
      title: "Running",
      body: html`<h1>Behalf is running</h1>
<p>Software agents use GitHub on people's behalf here, without ever holding their keys.</p>
<dl>
<dt>Redirect URI to register</dt><dd><code>${origin}/oauth/callback</code></dd>
<dt>API description</dt><dd><a href="/docs">reference</a> · <a href="/openapi.json">openapi.json</a> · <a href="/errors">errors</a></dd>
<dt>Version</dt><dd>${version}</dd>
</dl>
<h2>From here to the first connected person</h2>
<pre tabindex="0" role="region" aria-label="The first three calls"><code>${calls}</code></pre>`,
    },
    "wide",
  );
}
