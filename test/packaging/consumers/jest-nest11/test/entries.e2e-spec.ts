import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const manifestOf = (name: string) => join(__dirname, '../node_modules', name, 'package.json');

describe.each(['nestjs-nowgg-auth', 'nowgg-auth-client', 'nowgg-emulator'])('%s', (name) => {
  const { exports } = JSON.parse(readFileSync(manifestOf(name), 'utf8')) as { exports: Record<string, unknown> };
  const entries = Object.keys(exports).filter((entry) => entry !== './package.json');

  it.each(entries)('loads %s from the CommonJS copy', (entry) => {
    const specifier = `${name}${entry.slice(1)}`;
    expect(require.resolve(specifier).startsWith(join(dirname(manifestOf(name)), 'cjs'))).toBe(true);
    expect(Object.keys(require(specifier) as object).length).toBeGreaterThan(0);
  });
});
