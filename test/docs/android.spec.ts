import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = path.resolve(import.meta.dirname, '../..');
const guide = readFileSync(path.join(root, 'docs/android.md'), 'utf8');
const blocks = [...guide.matchAll(/```kotlin\n([^]*?)```/g)].map(([, code]) => code ?? '');
const [kotlin = '', keyed = ''] = blocks;
/** The code without comments and with empty texts. */
const bareOf = (code: string) => code.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '').replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
const bare = bareOf(kotlin);

/** Names that Kotlin and its standard library know without an import. */
const BUILT_IN = ['Boolean', 'ByteArray', 'Int', 'String', 'System', 'Throws', 'Unit'];

describe.each([
  ['asks now.gg', kotlin],
  ['makes proofs', keyed],
])('the Kotlin of docs/android.md that %s', (_what, code) => {
  const bare = bareOf(code);
  // There is no Kotlin compiler here, and a grammar is too large for each test run: this checks the structure, and
  // `npm run check:kotlin` the syntax.
  it('closes every bracket that it opens, in order', () => {
    let brackets = bare.replaceAll('->', '').replaceAll(/[^(){}[\]]/g, '');
    for (let before = ''; before !== brackets; ) {
      before = brackets;
      brackets = brackets.replaceAll(/\(\)|\{\}|\[\]/g, '');
    }
    expect(brackets).toBe('');
    expect(bare).not.toContain(';');
  });

  it('imports every type that it uses, and uses every import', () => {
    const imports = [...bare.matchAll(/^import [a-z.]+\.([A-Z]\w+)$/gm)].map(([, name]) => name);
    const declared = [...bare.matchAll(/\b(?:class|object) ([A-Z]\w+)/g)].map(([, name]) => name);
    const rest = bare.replaceAll(/^import .*$/gm, '');
    // A capital letter after a dot is a member, as in Looper.getMainLooper or NowggResult.Refused.
    const used = [...rest.matchAll(/(?<![\w.])([A-Z]\w*[a-z]\w*)/g)].map(([, name]) => name);
    const known = new Set([...imports, ...declared, ...BUILT_IN]);
    expect([...new Set(used)].filter((name) => !known.has(name))).toEqual([]);
    expect(imports.filter((name) => !used.includes(name))).toEqual([]);
    expect(new Set(imports).size).toBe(imports.length);
  });
});

describe('the Kotlin of docs/android.md that asks now.gg', () => {
  it('handles every checked exception and every outcome of the callback', () => {
    for (const name of ['OperationCanceledException', 'IOException', 'AuthenticatorException']) {
      expect(kotlin).toMatch(new RegExp(`catch \\(\\w+: ${name}\\)`));
    }
    const outcomes = [...bare.matchAll(/(?:data class|object) (\w+)(?:\([^)]*\))? : NowggResult\(\)/g)].map(
      ([, name]) => name,
    );
    expect(new Set(outcomes)).toEqual(new Set(['Credential', 'Refused', 'Unavailable', 'NotNowgg']));
    for (const outcome of outcomes) expect(guide).toContain(`| \`${outcome}\` |`);
  });

  it('asks as the page of now.gg does: account type, client id, the two kinds and where their results are', () => {
    for (const text of [
      'ACCOUNT_TYPE = "now.gg"',
      'getAccountsByType(ACCOUNT_TYPE).firstOrNull()',
      'putString("client_id", clientId)',
      'getAuthToken(account, what, options, activity,',
      'if (what == "code") "authorization_code" else "id_token"',
      'getBoolean(AccountManager.KEY_BOOLEAN_RESULT, false)',
    ])
      expect(kotlin).toContain(text);
    for (const name of ['GET_ACCOUNTS', 'INTERNET']) {
      expect(guide).toContain(`<uses-permission android:name="android.permission.${name}" />`);
    }
  });

  it('adds an account by the explicit intent, and only ActivityNotFoundException means another device', () => {
    expect(kotlin).toContain('Intent("IAP_ADD_ACCOUNT")');
    expect(kotlin).toContain('ComponentName("gg.now.accounts", "gg.now.accounts.AuthenticatorActivity")');
    expect(kotlin).toContain('putExtra("resultReceiver", receiver)');
    const elsewhere = [...bare.matchAll(/NowggResult\.NotNowgg/g)];
    expect(elsewhere).toHaveLength(1);
    expect(bare).toMatch(/catch \(\w+: ActivityNotFoundException\) \{\s*done\(NowggResult\.NotNowgg\)/);
  });

  it('names error codes that the backend sends, and says what each status means to the game', () => {
    const errors = readFileSync(path.join(root, 'libs/nowgg-auth/src/errors/auth-error.ts'), 'utf8');
    const answers = guide.slice(guide.indexOf('## Basic flow'));
    const codes = [...answers.matchAll(/\b\d{3} `([a-z]+_[a-z_]+)`|with `([a-z]+_[a-z_]+)`/g)].map(
      ([, one, other]) => one ?? other,
    );
    expect(codes.length).toBeGreaterThan(2);
    for (const code of codes) expect(errors).toContain(`'${code}'`);
    for (const status of [200, 400, 401, 403, 429, 500, 503])
      expect(answers).toMatch(new RegExp(`\\|[^|]*\\b${status}\\b`));
  });
});
