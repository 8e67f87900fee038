import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REDACTED, redact, redactText, secretsIn } from '../../promotion/evidence/redact.ts';

/** What a generator of passwords makes: every sign but white space, and long enough not to be found by chance. */
const secret = fc
  .string({ unit: fc.constantFrom(...'abcXYZ0189!#$%&()*+,-./:;<=>?@[]^_{|}~"\'\\'), minLength: 12, maxLength: 40 })
  .map((text) => `zQ7${text}`);
/** One that needs no quoting anywhere. */
const plain = fc.stringMatching(/^zQ7[A-Za-z0-9_]{12,30}$/);
const base64 = fc.stringMatching(/^zQ7[A-Za-z0-9+/]{61}$/);
const name = fc.constantFrom(
  'DATABASE_PASSWORD',
  'password',
  'dbPassword',
  'JWT_SECRET',
  'client-secret',
  'SESSION_TOKEN',
  'accessToken',
  'SENTRY_DSN',
  'API_KEY',
  'x-api-key',
  'apiKey',
  'MAILER_KEY',
  'REDIS_AUTH',
  'PGPASSWORD',
  'AWS_SECRET_ACCESS_KEY',
);
const before = fc.constantFrom('', 'info: ', '2026-01-01T03:00:00.123456789Z ', 'env ', '{"n":1} ', '> ');

describe('redacted text', () => {
  const forms: [string, fc.Arbitrary<[string, string]>][] = [
    ['an assignment', fc.tuple(secret, name).map(([s, n]) => [s, `${n}=${s}`])],
    ['an assignment in quotes', fc.tuple(plain, name).map(([s, n]) => [s, `${n}="two words ${s}"`])],
    ['a line of YAML', fc.tuple(plain, name).map(([s, n]) => [s, `  ${n}: ${s}`])],
    ['a block of YAML', fc.tuple(plain, name).map(([s, n]) => [s, `${n}: |\n  first\n  ${s}`])],
    ['a field of JSON', fc.tuple(secret, name).map(([s, n]) => [s, JSON.stringify({ a: 1, [n]: s, b: 2 })])],
    ['JSON in JSON', fc.tuple(secret, name).map(([s, n]) => [s, JSON.stringify({ log: JSON.stringify({ [n]: s }) })])],
    ['JSON that was cut', fc.tuple(plain, name).map(([s, n]) => [s, `{"${n}":"${s}`])],
    ['an environment variable', fc.tuple(secret, name).map(([s, n]) => [s, JSON.stringify([{ name: n, value: s }])])],
    ['a flag', fc.tuple(plain, name).map(([s, n]) => [s, `run --${n.toLowerCase()} ${s} --verbose`])],
    ['a query', fc.tuple(plain, name).map(([s, n]) => [s, `GET /x?page=1&${n}=${s}&y=2`])],
    ['the login of a URL', plain.map((s) => [s, `connect postgres://shop:${s}@database:5432/shop?sslmode=require`])],
    ['a password with signs in a URL', plain.map((s) => [s, `redis://:a/b#${s}?@cache:6379/0`])],
    ['a token in a URL', plain.map((s) => [s, `https://${s}@git.example.com/shop.git`])],
    ['a bearer token', plain.map((s) => [s, `curl -H "Authorization: Bearer ${s}" failed`])],
    ['a bearer token by itself', plain.map((s) => [s, `sent bearer ${s}`])],
    ['a JWT', plain.map((s) => [s, `got eyJhbGciOiJIUzI1NiJ9.eyJzdWIi${s}.${s}-x`])],
    ['a cookie', plain.map((s) => [s, `Set-Cookie: sid=${s}; HttpOnly`])],
    ['a private key', plain.map((s) => [s, `-----BEGIN EC PRIVATE KEY-----\nMHc\n${s}\n-----END EC PRIVATE KEY-----`])],
    [
      'a private key in one line',
      plain.map((s) => [s, `-----BEGIN PRIVATE KEY-----\\n${s}\\n-----END PRIVATE KEY-----`]),
    ],
    ['a private key that was cut', plain.map((s) => [s, `-----BEGIN PRIVATE KEY-----\nMHc\n${s}`])],
    ['the end of a private key', base64.map((s) => [s, `${s}\n${s}\nQw==\n-----END PRIVATE KEY-----`])],
  ];

  it.each(forms)('has no secret that stands as %s', (_, form) => {
    fc.assert(
      fc.property(form, before, ([value, text], prefix) => {
        const clean = redactText(`first line\n${prefix}${text}\nlast line`);
        expect(clean).not.toContain(value);
        expect(clean).toContain('first line');
        if (!text.includes('that was cut') && !/PRIVATE KEY-----\nMHc\n[^-]*$/.test(text))
          expect(clean).toContain('last line');
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    'metric health Failed (0 of 3 measurements good; status 500)',
    'Error: secret "database" not found',
    "couldn't find key DATABASE_PASSWORD in Secret shop/database",
    'GET http://web.shop.svc.cluster.local:3000/api/health 200',
    'web: revision 7d9f8 came in the place of 6c4d1',
    'Back-off restarting failed container main in pod web-7d9f8-x2x4v',
    '2026-01-01T03:00:00.123Z starting backend:v2 on port 8080',
    'monkey: 3, keyboard: 4, passenger=5, pass: 6',
  ])('leaves alone what is none: %s', (text) => {
    expect(redactText(text)).toBe(text);
  });

  it('is redacted once and for all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), secret, name, (text, value, n) => {
        const clean = redactText(`${text} ${n}=${value}`);
        expect(redactText(clean)).toBe(clean);
      }),
    );
  });
});

describe('redacted data', () => {
  it('has no value of a secret name, wherever in it that is, and keeps its shape', () => {
    const wrap = (inner: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
      fc.letrec((tie) => ({
        at: fc.oneof(
          { depthSize: 'small' },
          inner,
          fc.array(tie('at'), { minLength: 1, maxLength: 3 }),
          tie('at').map((value) => ({ status: 'ok', value })),
          tie('at').map((value) => JSON.stringify({ value })),
        ),
      })).at;
    const planted = fc
      .tuple(secret, name)
      .chain(([value, n]) =>
        wrap(
          fc.constantFrom<unknown>(
            { [n]: value },
            { [n]: [value] },
            { [n]: { inner: value } },
            { name: n, value },
            { key: n, value },
            { kind: 'Secret', data: { anything: value } },
            { kind: 'Secret', stringData: { anything: value } },
          ),
        ).map((data) => ({ value, data })),
      );
    fc.assert(
      fc.property(planted, ({ value, data }) => {
        const clean = JSON.stringify(redact(data));
        expect(clean).not.toContain(JSON.stringify(value).slice(1, -1));
        expect(clean).toContain(REDACTED);
      }),
    );
  });

  it('says still which Secret a pod takes what from', () => {
    const spec = {
      volumes: [{ name: 'tls', secret: { secretName: 'tls' } }],
      imagePullSecrets: [{ name: 'registry' }],
      containers: [
        { env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'database', key: 'PASSWORD' } } }] },
        { envFrom: [{ secretRef: { name: 'backend' } }] },
      ],
    };
    expect(redact(spec)).toEqual(spec);
  });

  it('has no secret of the plan where nothing names it, in whatever form', () => {
    fc.assert(
      fc.property(secret, (value) => {
        const known = secretsIn({ containers: [{ env: [{ name: 'DB_PASSWORD', value }] }] });
        const said = { a: `login failed for ${value}`, b: JSON.stringify(`x ${value}`), c: encodeURIComponent(value) };
        const clean = Object.values(redact(said, known));
        expect(clean[0]).not.toContain(value);
        expect(clean[1]).not.toContain(JSON.stringify(value).slice(1, -1));
        expect(clean[2]).not.toContain(encodeURIComponent(value));
      }),
    );
  });
});
