// Writes the documents that are made from tables in the source; with --check it only says which of them are stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Setting, settingsTable } from "../server/src/config.ts";
import { auditNames } from "../server/src/rules/audit.ts";
import { checkpointText } from "../server/src/rules/audit-checkpoint.ts";
import { refusals } from "../server/src/rules/refusal.ts";
import { tools } from "../server/src/tools/catalogue.ts";

interface Document {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: () => string;
}

const documents: readonly Document[] = [
  { path: "docs/configuration.md", text: configuration },
  { path: ".env.example", text: environmentExample },
  { path: "docs/errors.md", text: errors },
  { path: "docs/audit.md", text: auditEvents },
  { path: "docs/tools.md", text: toolCatalogue },
];

function settings(): readonly Setting<unknown>[] {
  return Object.values<Setting<unknown>>(settingsTable);
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [tableRow(head), tableRow(head.map(() => "---")), ...rows.map(tableRow)].join("\n");
}

function configuration(): string {
  const rows = settings().map(({ name, says, fallback, example, secret }) => [
    `\`${name}\``,
    `${says}${secret ? " **Secret.**" : ""}`,
    "text" in fallback ? `\`${fallback.text}\`` : fallback.words,
    `\`${example}\``,
  ]);
  return `# Settings

<!-- Made by \`npm run docs\` from server/src/config.ts. -->

Settings come from the environment, and from \`./.env\` where that file is there (the environment wins).
Each is also read from a file when \`NAME_FILE\` is given instead, for example \`BEHALF_KEYS_FILE=/run/secrets/keys\`;
one newline at the end of the file is ignored. An empty value counts as not given.

A wrong value, a setting given twice or an unknown \`BEHALF_…\` name stops the start. All faults are told at once, and
no fault repeats the value. Names that begin with \`BEHALF_TEST_\` belong to the tests and are ignored.

${table(["Setting", "What it does", "Default", "Example"], rows)}
`;
}

function auditEvents(): string {
  const rows = Object.entries(auditNames).map(([name, says]) => [`\`${name}\``, says]);
  return `# Audit

<!-- Made by \`npm run docs\` from server/src/rules/audit.ts. -->

Every change is recorded in the transaction that makes it, in a chain per project and one for the instance. Each event
carries an HMAC over itself and the event before it, under a key that is sealed in the database and survives every
rotation of the key ring. \`behalf audit verify\` and \`GET /v1/audit/verify\` walk the chains and name the first event of
each that is missing, moved or edited.

\`GET /v1/audit\` lists with filters; \`GET /v1/audit/export.jsonl\`, \`GET /v1/audit/export.csv\` and \`behalf audit export\`
take everything out. JSON Lines lose nothing: a line holds every member that its \`hash\` is made of. In CSV a value that
begins like a formula has an apostrophe before it.

${checkpointChapter()}
## Details

An event that moves an account says where to in \`status\` and \`status_reason\` (\`DELETED\` once it is gone). Where a
provider's token came or went, \`hashed_token\` is the base64 of its SHA-256, as \`hashed_token\` in GitHub's own audit log:
so both logs can be joined without either holding the token.

## Events

${table(["Event", "What happened"], rows)}
`;
}

function checkpointChapter(): string {
  return `## Checkpoints

Whoever can put back an older copy of the whole database takes the newest events away without a trace in it. Against
that, a checkpoint says, signed, that a chain had reached an event. One is made about every hour of every chain that grew, at
the end of the process, by \`POST /v1/audit/checkpoints\` and by \`behalf audit checkpoint\`. It is kept in the database
and written into the log (\`audit checkpoint\`); **keep the log, or what the command prints, where nobody with the
database can change it**, and verify against it: \`behalf audit verify --checkpoint FILE\` (the command's output or the
log itself), or \`POST /v1/audit/verify\` with \`{"checkpoints": […]}\`.

\`\`\`json
{"chain":"prj_…","seq":42,"hash":"…","at":"2026-01-31T12:00:00.000Z","signature":"…"}
\`\`\`

The signature is Ed25519 (RFC 8032), base64url without padding, over this text in UTF-8, which is a JSON array without
blanks and without a newline at the end:

\`\`\`text
${checkpointText({ chain: "prj_…", seq: 42, hash: "…", at: "2026-01-31T12:00:00.000Z" })}
\`\`\`

The public key is in the answer of \`GET /v1/audit/checkpoints\` (PEM) and never changes: it is derived from the audit key.
So anybody can check a checkpoint \`c.json\` with the key \`key.pem\` without us:

\`\`\`sh
jq -cj '["behalf-audit-checkpoint-1", .chain, .seq, .hash, .at]' c.json > text
jq -rj '.signature + "=="' c.json | tr '_-' '/+' | base64 -d > signature
openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature
\`\`\`
`;
}

function toolCatalogue(): string {
  const rows = tools.map((tool) => [
    `\`${tool.name}\``,
    tool.title,
    `\`${tool.method} ${tool.path}\``,
    tool.changes ? "writes" : "reads",
    Object.entries(tool.permissions)
      .map(([name, level]) => `${name}: ${level}`)
      .join(", "),
  ]);
  return `# Tools

<!-- Made by \`npm run docs\` from server/src/tools/. -->

Each tool with its JSON Schemas is at \`GET /v1/tools\`. Permissions are those of a GitHub App.

${table(["Tool", "What it does", "Call", "", "Permissions"], rows)}
`;
}

function environmentExample(): string {
  const entries = settings().map(({ name, says, fallback, example, secret }) => {
    const otherwise =
      "text" in fallback ? `Default: ${fallback.text}` : `Without it: ${fallback.words.replaceAll("`", "")}`;
    const value = "text" in fallback && !secret ? fallback.text : example;
    return `# ${says.replaceAll("`", "")}\n# ${otherwise}\n#${name}=${value}\n`;
  });
  return `# Copy to .env and uncomment what you change. Made by \`npm run docs\` from server/src/config.ts.\n\n${entries.join("\n")}`;
}

const outcomes = {
  nothing: "Nothing was done; asking again is safe.",
  unknown: "It may have been done: look before you repeat a write.",
  done: "Upstream answered, and its answer is final.",
};

function errors(): string {
  const rows = Object.entries(refusals).map(([code, { status, title, outcome }]) => [
    `\`${code}\``,
    String(status),
    title,
    outcomes[outcome],
  ]);
  return `# Errors

<!-- Made by \`npm run docs\` from server/src/rules/refusal.ts. -->

Every refusal is an RFC 9457 \`application/problem+json\` with a \`code\` from this table, a \`detail\` about the very case,
what to do \`next\` where something can be done, and the \`request_id\` to look for in the log. A code keeps its meaning;
the sentences may improve. On the proxy our own refusals carry \`Behalf-Refusal: <code>\`, which no upstream answer can.

${table(["Code", "Status", "Title", "What happened"], rows)}
`;
}

function target(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

function isStale({ path, text }: Document): boolean {
  return !existsSync(target(path)) || readFileSync(target(path), "utf8") !== text();
}

const stale = documents.filter(isStale);
if (process.argv.includes("--check")) {
  for (const { path } of stale) console.error(`${path} is stale: run npm run docs`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const { path, text } of stale) {
    mkdirSync(dirname(target(path)), { recursive: true });
    writeFileSync(target(path), text());
    console.log(`wrote ${path}`);
  }
}
