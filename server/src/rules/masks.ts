// What looks like a secret, and texts without it: the log's lines and the request records need the same eye (promise 1).

export const masked = "[masked]";

/** Names whose value is secret wherever it is met: as a field, in a query, in a form, in JSON. */
const secretNames =
  "access_token|refresh_token|client_secret|webhook_secret|private_key|code_verifier|device_code|auth_request_id|password|authorization|cookie|set-cookie";
export const secretField = new RegExp(`^(?:${secretNames}|token|secret)$`, "i");

interface Mask {
  readonly pattern: RegExp;
  readonly by: string;
}

/** Tokens that their own spelling gives away. The spelling is that which each provider publishes for scanners. */
const tokenMasks: readonly Mask[] = [
  // A prefix and an unbounded run, so a longer format is masked too.
  { pattern: /(gh[oprsu]_|github_pat_)[A-Za-z0-9._-]{20,}/g, by: `$1${masked}` },
  { pattern: /(bh_(?:live|test)_)[A-Za-z0-9._-]+/g, by: `$1${masked}` },
  {
    pattern: /\b(xox[a-z]-|xapp-|gl[a-z]{2,5}-|ya29\.|1\/\/0|ntn_|secret_|lin_[a-z]+_|ATATT3|ATCTT3)[\w.-]{20,}/g,
    by: `$1${masked}`,
  },
  // A JWT, by how JSON begins in Base64: the whole run at once, since looking for its dots would begin anew at every `eyJ`.
  { pattern: /\beyJ[\w.-]{20,}/g, by: masked },
  // An entry of a key ring, and places where a URL is a secret: a link that connects an account, bots and incoming hooks.
  { pattern: /\b([a-z0-9]{1,16}:)[A-Za-z0-9+/]{43}=/g, by: `$1${masked}` },
  { pattern: /(\/connect\/)[\w-]{16,}/g, by: `$1${masked}` },
  { pattern: /(\/bot\d{5,}:)[\w-]{30,}/g, by: `$1${masked}` },
  { pattern: /(\/services\/T\w+\/B\w+\/|\/webhooks\/\d+\/)[\w-]{16,}/g, by: `$1${masked}` },
];

const textMasks: readonly Mask[] = [
  { pattern: /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, by: masked },
  { pattern: /\b((?:proxy-)?authorization|(?:set-)?cookie)(:\s*)[^\r\n]+/gi, by: `$1$2${masked}` },
  { pattern: new RegExp(`("(?:${secretNames})"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"?`, "gi"), by: `$1"${masked}"` },
  ...tokenMasks,
  { pattern: /\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}/gi, by: `$1${masked}` },
  // Longer, since "token" is also an English word with other words after it.
  { pattern: /\b((?:token|basic)\s+)[A-Za-z0-9._~+/=-]{16,}/gi, by: `$1${masked}` },
  // Credentials in a URL.
  { pattern: /(:\/\/[^\s/:@]*:)[^\s/@]+@/g, by: `$1${masked}@` },
];

/**
 * In a query or form `code` and `state` are OAuth's. As fields they are ordinary words: a refusal has a code.
 * The prefix may be a percent-encoded separator, so a digit before the name does not hide it.
 */
const formMask: Mask = {
  pattern: new RegExp(`(?<![a-z_-])(${secretNames}|code|state)(=|%3D)[^&\\s"'#]*`, "gi"),
  by: `$1$2${masked}`,
};

function maskedBy(masks: readonly Mask[], text: string): string {
  return masks.reduce((left, { pattern, by }) => left.replaceAll(pattern, by), text);
}

/** Each mask needs one of these to begin with. Most texts have none, and one look is a tenth of the work of fifteen. */
const hint =
  /[=@"]|%3D|-----BEGIN|authori|cookie|gh[oprsu]_|github_pat_|bh_|xox|xapp-|gl[a-z]{2,5}-|ya29|1\/\/0|ntn_|secret_|lin_|at[ac]tt3|eyj|connect\/|\/bot|services\/|webhooks\/|bearer|token|basic/i;

/** A text without anything that looks like a secret. Cut it afterwards, if at all: half a token is a secret too. */
export function maskSecrets(text: string): string {
  return hint.test(text) ? maskedBy([formMask, ...textMasks], text) : text;
}

/** Names of query parameters that carry secrets somewhere: of OAuth, of signed URLs, of keys. */
const secretParameter =
  /token|secret|passw|passphrase|\bpwd\b|signature|^sig$|api[-_.]?key|access[-_.]?key|private[-_.]?key|^key$|credential|^auth$|authori[sz]ation|cookie|session|assertion|jwt|verifier|nonce|^(?:device_|user_)?code$|auth_request_id/i;
const wordMax = 16;
const pathMax = 2048;
const lookedAtMax = 8192;

/** Too short and too plain for any token, encoded or not. */
const harmless = /^(?!bh_)[A-Za-z0-9_-]{0,15}$/;

/** Path and query as the request record keeps them: without secrets, at most 2,048 characters. Twice is the same as once. */
export function maskedPath(target: string): string {
  // Far more than is kept. What the cut might have halved goes with it.
  const looked = target.length > lookedAtMax ? wholeParts(target.slice(0, lookedAtMax)) : target;
  const at = looked.indexOf("?");
  const path = at === -1 ? looked : looked.slice(0, at);
  const shown = maskedSegments(maskSecrets(path));
  const whole = at === -1 ? shown : `${shown}?${maskedQuery(looked.slice(at + 1))}`;
  // The whole once more: a secret may begin in one part and end in the next.
  return (/[@:"]/.test(whole) ? maskedBy(textMasks, whole) : whole).slice(0, pathMax);
}

/** Up to the last separator. Not by a pattern: `[^/?&]*$` begins anew at every character. */
function wholeParts(text: string): string {
  return text.slice(0, Math.max(text.lastIndexOf("/"), text.lastIndexOf("?"), text.lastIndexOf("&")) + 1);
}

function maskedSegments(path: string): string {
  if (!path.includes("%")) return path;
  return path
    .split("/")
    .map((segment) => (hidesSecret(segment) ? masked : segment))
    .join("/");
}

function maskedQuery(query: string): string {
  return query
    .split(/([&;?])/)
    .map((part) => (part.length > 1 ? maskedParameter(part) : part))
    .join("");
}

function maskedParameter(part: string): string {
  const at = part.search(/=|%3D/i);
  if (at === -1) return hidesSecret(part) || maskSecrets(part) !== part ? masked : part;
  const sign = part.charAt(at) === "=" ? 1 : 3;
  const [name, value] = [part.slice(0, at), part.slice(at + sign)];
  if (value === "") return part;
  const isSecret = decodings(name).some((one) => secretParameter.test(one) || isState(one, value));
  return isSecret || hidesSecret(value) ? `${part.slice(0, at + sign)}${masked}` : part;
}

/** OAuth's `state` is a secret; that of an issue (`state=open`) is what one looks for in a log. */
function isState(name: string, value: string): boolean {
  return name.toLowerCase() === "state" && !(value.length <= wordMax && /^[a-z_]+$/i.test(value));
}

/** Looks through percent-encoding, also where it was done more than once. */
function hidesSecret(text: string): boolean {
  return !harmless.test(text) && decodings(text).some((one) => maskSecrets(one) !== one);
}

function decodings(text: string): string[] {
  const found = [text];
  for (let round = 0; round < 3 && /[%+]/.test(found.at(-1) ?? ""); round += 1) {
    found.push(decoded(found.at(-1) ?? ""));
  }
  return found;
}

function decoded(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Broken escapes hide nothing: those that are ASCII are read all the same.
    return spaced.replaceAll(/%([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}
