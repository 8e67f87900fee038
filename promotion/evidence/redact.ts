/** What stands in the place of a secret. */
export const REDACTED = '[redacted]';

/** Names whose values are secret: of environment variables, flags, headers, fields. */
const SECRET_NAME =
  /password|passwd|passphrase|pwd|secret|token|dsn|credential|signature|authorization|cookie|requirepass|masterauth|salt$|(api|access|private|signing|encryption)[._-]?key/i;
/** Too common a word to count in the middle or alone: `PASS`, `mailer_key`, `basicAuth`. */
const SECRET_END = /(^|_)(KEY|PASS|AUTH)$|[_.-](key|pass|auth)$|[a-z0-9](Key|Pass|Auth)$/;
/** Fields of Kubernetes that name a Secret or something in it, and hold none. */
const NAMES_ONLY =
  /^(secretName|imagePullSecrets|secretKeyRef|secretRef|automountServiceAccountToken|serviceAccountToken)$/;

/** Text in which secrets are known by how they look. The order matters: what spans lines first. */
const LOOKS_SECRET: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$(?![\s\S]))/g, REDACTED],
  // The rest of a block whose beginning was cut off.
  [/(?:^(?:\S+Z )?[A-Za-z0-9+/=]+\r?\n)*^(?:\S+Z )?-----END [A-Z0-9 ]+-----/gm, REDACTED],
  [/\b(authorization|proxy-authorization|cookie|set-cookie)((?:\\*["'])?\s*[:=]\s*)[^\r\n]+/gi, `$1$2${REDACTED}`],
  [/\b(bearer)\s+[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)*/g, REDACTED],
  [
    /\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[a-z]-[\w-]{10,}|[sr]k_live_\w{10,}|AIza[\w-]{30,}|glpat-[\w-]{15,})/g,
    REDACTED,
  ],
  // Logins in URLs; a password may hold every sign, also those that it should not.
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#:"'<>]*:[^\s"'<>]*@/gi, `$1${REDACTED}@`],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"'<>]+@/gi, `$1${REDACTED}@`],
  [/(--[\w-]*(?:password|secret|token|key)[ \t]+)[^\s-]\S*/gi, `$1${REDACTED}`],
];

/** `{"name": "DB_PASSWORD", "value": "…"}` in a line, up to the value. */
const PAIR = /\\*["'](?:name|key)\\*["']\s*:\s*\\*["']([\w.-]+)\\*["']\s*,\s*\\*["']value\\*["']\s*:\s*/gi;
/** `NAME=`, `name: `, `"name":`, also escaped, up to the value. */
const ASSIGNED = /(?<![\w.-])([\w.-]+)(?:\\*["'])?[ \t]*[:=]+>?[ \t]*/g;

/** Text without what looks like a secret in it, and without the values `known` to be some. */
export function redactText(text: string, known: readonly string[] = []): string {
  let clean = text;
  for (const value of known) clean = clean.replaceAll(value, REDACTED);
  for (const [pattern, replacement] of LOOKS_SECRET) clean = clean.replace(pattern, replacement);
  return withoutValues(withoutValues(clean, PAIR), ASSIGNED);
}

/** Hides the value after each secret name that `pattern` finds. */
function withoutValues(text: string, pattern: RegExp): string {
  const kept: string[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    const at = match.index + match[0].length;
    if (match.index < from || !isSecretName(match[1] ?? '')) continue;
    const [quote, end] = valueAt(text, at);
    if (end === at) continue;
    kept.push(text.slice(from, at), quote, REDACTED, quote);
    from = end;
  }
  return kept.join('') + text.slice(from);
}

/** The quote, if any, and the end of the value that begins at `at`. */
function valueAt(text: string, at: number): [string, number] {
  const quote = /\\*["']/y;
  quote.lastIndex = at;
  const open = quote.exec(text)?.[0];
  if (open === undefined) {
    // A block of YAML goes on as long as lines are indented.
    const rest = /[|>][+-]?[ \t]*(?:\r?\n(?:[ \t]+.*|(?=\r?\n)))*|\S*/y;
    rest.lastIndex = at;
    return ['', at + (rest.exec(text)?.[0].length ?? 0)];
  }
  const escapes = open.length - 1;
  for (const { 0: found, index } of text.slice(at + open.length).matchAll(/\\*["']+|\n/g)) {
    const end = at + open.length + index + found.length;
    if (found === '\n') return [open, end - 1];
    if (!found.endsWith(open.at(-1) as string)) continue;
    const quotes = found.length - found.search(/["']/);
    const depth = found.length - quotes - escapes;
    // A quote in the value is escaped once more than the one that ends it, or, in YAML, doubled.
    if (depth >= 0 && (depth / (escapes + 1)) % 2 === 0 && (open !== "'" || quotes % 2 === 1)) return [open, end];
  }
  return [open, text.length];
}

/** Whether what has that name is a secret. */
export function isSecretName(name: string): boolean {
  return !NAMES_ONLY.test(name) && (SECRET_NAME.test(name) || SECRET_END.test(name));
}

/**
 * Data without secrets: values of secret names, wherever in it they are; the data of Secrets; text that looks secret. What is
 * JSON in a string is looked into as well.
 */
export function redact<T>(data: T, known: readonly string[] = []): T {
  return walk(data, known) as T;
}

function walk(value: unknown, known: readonly string[]): unknown {
  if (typeof value === 'string') return redactString(value, known);
  if (Array.isArray(value)) return value.map((item) => walk(item, known));
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Readonly<Record<string, unknown>>;
  const title = object.name ?? object.key;
  const isNamedSecret = typeof title === 'string' && isSecretName(title);
  return Object.fromEntries(
    Object.entries(object).map(([key, item]) => {
      if (object.kind === 'Secret' && (key === 'data' || key === 'stringData')) return [key, hidden(item)];
      if (isNamedSecret && key === 'value') return [key, hidden(item)];
      if (isSecretName(key) && typeof item !== 'boolean' && !namesSecret(item)) return [key, hidden(item)];
      return [redactText(key, known), walk(item, known)];
    }),
  );
}

function redactString(text: string, known: readonly string[]): string {
  if (/^\s*[[{]/.test(text)) {
    try {
      return JSON.stringify(walk(JSON.parse(text), known));
    } catch {
      // Not JSON after all.
    }
  }
  return redactText(text, known);
}

/** A volume's `secret`, which only says which one. */
function namesSecret(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'secretName' in value;
}

/** Hides every value and leaves the names. */
function hidden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hidden);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hidden(item)]));
  return value === null || value === undefined || value === '' ? value : REDACTED;
}

/** The literal values of secret names in any data: so that they are found again where nothing names them. */
export function secretsIn(data: unknown): string[] {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const object = value as Readonly<Record<string, unknown>>;
    const title = object.name ?? object.key;
    for (const [key, item] of Object.entries(object)) {
      const isSecret = isSecretName(key) || (key === 'value' && typeof title === 'string' && isSecretName(title));
      if (isSecret && typeof item === 'string' && item.length >= SHORTEST)
        for (const form of [item, JSON.stringify(item).slice(1, -1), encodeURIComponent(item)]) found.add(form);
      else look(item);
    }
  };
  look(data);
  // The longest first: one may be a part of another.
  return [...found].sort((a, b) => b.length - a.length);
}

/** A shorter value, e.g. `dev`, would be found in every other word. */
const SHORTEST = 6;
