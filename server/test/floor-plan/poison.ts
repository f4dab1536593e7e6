// What the fences must refuse, file by file, and what they must let through.

export interface Poison {
  /** Below server/src, or in sdk/. */
  readonly file: string;
  readonly code: string;
  readonly rule: string;
}

const imports = "eslint(no-restricted-imports)";
const globals = "eslint(no-restricted-globals)";
const properties = "eslint(no-restricted-properties)";

/** What each room must not import by value. */
const foreign: Readonly<Record<string, readonly string[]>> = {
  rules: ["../crypto/x.ts", "../store/x.ts", "../flows/x.ts", "../log.ts", "node:crypto", "zod", "node:fs"],
  crypto: ["../store/x.ts", "../upstream/x.ts", "../vault/x.ts", "../config.ts", "undici", "node:fs"],
  store: ["../crypto/x.ts", "../upstream/x.ts", "../flows/x.ts", "../log.ts", "node:crypto", "undici"],
  ephemeral: ["../store/x.ts", "../crypto/x.ts", "../flows/x.ts", "../log.ts", "kysely", "node:crypto"],
  upstream: ["../store/x.ts", "../vault/x.ts", "../flows/x.ts", "../http/x.ts", "kysely", "node:fs", "node:http"],
  vault: ["../store/x.ts", "../upstream/x.ts", "../flows/x.ts", "../compose.ts", "kysely", "undici", "node:crypto"],
  tools: ["../flows/x.ts", "../upstream/x.ts", "../store/x.ts", "undici", "zod"],
  flows: [
    "../store/x.ts",
    "../ephemeral/x.ts",
    "../metrics.ts",
    "../upstream/x.ts",
    "../vault/x.ts",
    "../crypto/x.ts",
    "../http/x.ts",
    "./x.ts",
    "kysely",
    "zod",
  ],
  pages: ["../flows/x.ts", "../store/x.ts", "../http/x.ts", "hono", "node:fs"],
  http: [
    "../store/x.ts",
    "../upstream/x.ts",
    "../vault/x.ts",
    "../crypto/x.ts",
    "../main.ts",
    "kysely",
    "undici",
    "node:crypto",
    "@behalf/sdk",
  ],
};

/** What no room may import even as a type: the arrow between two rooms points one way. */
const foreignTypes: Readonly<Record<string, readonly string[]>> = {
  rules: ["../crypto/x.ts", "../log.ts"],
  crypto: ["../store/x.ts"],
  store: ["../crypto/x.ts", "../vault/x.ts"],
  ephemeral: ["../store/x.ts", "../vault/x.ts"],
  upstream: ["../store/x.ts", "../vault/x.ts"],
  vault: ["../flows/x.ts", "../http/x.ts"],
  tools: ["../flows/x.ts", "../upstream/x.ts"],
  flows: ["../http/x.ts", "../pages/x.ts", "../config.ts"],
  pages: ["../flows/x.ts", "../vault/x.ts"],
  http: ["../compose.ts", "../config.ts"],
};

/** What must stay possible by value, and as a type only. */
const welcomeValues: Readonly<Record<string, readonly string[]>> = {
  rules: ["./x.ts"],
  crypto: ["../rules/x.ts", "node:crypto"],
  store: ["../rules/x.ts", "kysely", "kysely/migration", "pg", "node:sqlite", "node:fs", "node:worker_threads"],
  ephemeral: ["../rules/x.ts", "ioredis"],
  upstream: ["../rules/x.ts", "../crypto/x.ts", "undici", "oauth4webapi", "node:net", "node:stream/promises"],
  vault: ["../rules/x.ts", "../crypto/x.ts"],
  tools: ["../rules/x.ts", "ajv"],
  flows: ["../rules/x.ts", "../tools/x.ts"],
  pages: ["../rules/x.ts", "hono/html"],
  http: [
    "../flows/x.ts",
    "../pages/x.ts",
    "../tools/x.ts",
    "../rules/x.ts",
    "hono",
    "@hono/zod-openapi",
    "zod",
    "node:http",
  ],
  "http/api": ["../../flows/x.ts", "../x.ts"],
};
const welcomeTypes: Readonly<Record<string, readonly string[]>> = {
  store: ["../log.ts"],
  upstream: ["../log.ts", "node:http"],
  vault: ["../log.ts", "../store/x.ts", "../upstream/x.ts"],
  flows: [
    "../log.ts",
    "../metrics.ts",
    "../ephemeral/x.ts",
    "./x.ts",
    "../crypto/x.ts",
    "../store/x.ts",
    "../upstream/x.ts",
    "../vault/x.ts",
    "@behalf/sdk",
  ],
  http: ["../log.ts", "../crypto/x.ts", "../store/x.ts", "../upstream/x.ts", "../vault/x.ts", "@behalf/sdk"],
};

/** Uses the import without giving a second rule a reason to speak. */
function importing(path: string, typeOnly: boolean): string {
  if (typeOnly) return `import type { x } from "${path}";\nexport type { x };\n`;
  return `import { x } from "${path}";\nexport const y = (): string => typeof x;\n`;
}

function importPoison(table: Readonly<Record<string, readonly string[]>>, typeOnly: boolean): readonly Poison[] {
  const kind = typeOnly ? "type" : "value";
  return Object.entries(table).flatMap(([room, paths]) =>
    paths.map((path, at) => ({ file: `${room}/${kind}-${at}.ts`, code: importing(path, typeOnly), rule: imports })),
  );
}

const otherPoison: readonly Poison[] = [
  { file: "sdk/src/package.ts", code: importing("undici", false), rule: imports },
  { file: "sdk/src/server.ts", code: importing("../../server/src/rules/x.ts", true), rule: imports },
  { file: "rules/now.ts", code: "export const x = (): number => Date.now();\n", rule: properties },
  { file: "flows/random.ts", code: "export const x = (): number => Math.random();\n", rule: properties },
  {
    file: "flows/fetch.ts",
    code: 'export const x = async (): Promise<Response> => await fetch("http://a.example");\n',
    rule: globals,
  },
  { file: "http/global-fetch.ts", code: "export const x = globalThis.fetch;\n", rule: properties },
  { file: "store/uuid.ts", code: "export const x = (): string => crypto.randomUUID();\n", rule: globals },
  { file: "vault/env.ts", code: "export const x = process.env;\n", rule: globals },
  { file: "compose.ts", code: 'export const x = process.env["BEHALF_URL"];\n', rule: "node(no-process-env)" },
  {
    file: "doctor.ts",
    code: 'import { createHash } from "node:crypto";\nexport const y = createHash;\n',
    rule: imports,
  },
  {
    file: "http/reveal.ts",
    code: "export const x = (c: { reveal(): string }): string => c.reveal();\n",
    rule: properties,
  },
  { file: "flows/console.ts", code: 'export const x = (): void => console.log("x");\n', rule: "eslint(no-console)" },
  {
    file: "http/dynamic.ts",
    code: 'export const x = async (): Promise<unknown> => await import("undici");\n',
    rule: imports,
  },
  { file: "http/api/deep.ts", code: 'import { x } from "../../store/x.ts";\nexport const y = x;\n', rule: imports },
  { file: "http/api/sibling.ts", code: 'import { x } from "../proxy/x.ts";\nexport const y = x;\n', rule: imports },
  { file: "rules/default.ts", code: "export default 1;\n", rule: "import(no-default-export)" },
  { file: "rules/BadName.ts", code: "export const x = 1;\n", rule: "unicorn(filename-case)" },
  { file: "rules/long.ts", code: `${"// why\n".repeat(250)}export const x = 1;\n`, rule: "eslint(max-lines)" },
  { file: "rules/any.ts", code: "export type X = any;\n", rule: "typescript(no-explicit-any)" },
  {
    file: "rules/bang.ts",
    code: "export const x = (y: string | undefined): string => y!;\n",
    rule: "typescript(no-non-null-assertion)",
  },
  {
    file: "rules/throw.ts",
    code: 'export function x(): never {\n  throw "x";\n}\n',
    rule: "typescript(only-throw-error)",
  },
  {
    file: "flows/floating.ts",
    code: 'type Needs = Pick<{ put(): Promise<void> }, "put">;\nexport function x(needs: Needs): void {\n  needs.put();\n}\n',
    rule: "typescript(no-floating-promises)",
  },
  {
    file: "rules/switch.ts",
    code: 'export function x(y: "a" | "b"): void {\n  switch (y) {\n    case "a":\n      break;\n  }\n}\n',
    rule: "typescript(switch-exhaustiveness-check)",
  },
  {
    file: "rules/template.ts",
    code: "export const x = (c: { reveal(): string; toString(): string }): string => `${c}`;\n",
    rule: "typescript(restrict-template-expressions)",
  },
];

// A cycle is reported in every file that is part of it.
const cycle: readonly Poison[] = [
  {
    file: "rules/ring-a.ts",
    code: 'import { b } from "./ring-b.ts";\nexport const a = (): unknown => b;\n',
    rule: "import(no-cycle)",
  },
  {
    file: "rules/ring-b.ts",
    code: 'import { a } from "./ring-a.ts";\nexport const b = (): unknown => a;\n',
    rule: "import(no-cycle)",
  },
];

export const poison: readonly Poison[] = [
  ...importPoison(foreign, false),
  ...importPoison(foreignTypes, true),
  ...otherPoison,
  ...cycle,
];

export const welcome: readonly Pick<Poison, "file" | "code">[] = [
  ...importPoison(welcomeValues, false),
  ...importPoison(welcomeTypes, true),
].map(({ file, code }) => ({ file: file.replace(/(\w+-\d+\.ts)$/, "welcome-$1"), code }));
