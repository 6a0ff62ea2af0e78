import { type Column, markdownTable } from '../support/markdown-table.js';
import { lowest, median, paired } from '../support/statistics.js';
import type { Identity } from './identity-process.js';
import type { Samples } from './in-process.js';
import type { HttpSamples } from './over-http.js';
import { type Platform, variants } from './variants.js';

type Figures = readonly number[];

const right = (heading: string): Column => ({ heading, align: 'right' });
const ratio = (own: Figures, base: Figures) => median(paired(own, base, (a, b) => a / b)).toFixed(2);

/** The table of one platform: ratios are medians of the ratios of the rounds. */
export function httpTable(platform: Platform, samples: HttpSamples): string {
  const title = platform === 'express' ? 'Express' : 'Fastify';
  return markdownTable(
    [
      { heading: `${title}: the route is guarded by` },
      ...['CPU µs/request', 'median', '× no guard', '× jose'].map(right),
    ],
    variants.map((variant) => {
      const own = samples[variant.name];
      const ratios = [ratio(own, samples.unguarded), ratio(own, samples['jose-rs256'])];
      return [variant.title, lowest(own).toFixed(1), median(own).toFixed(1), ...ratios];
    }),
  );
}

export function inProcessTable({ guard, bare }: Samples<'guard' | 'bare'>): string {
  return table('In process, one call on a warm cache', bare, [
    ['**`NowggAuthGuard.canActivate`**', guard],
    ['bare: SHA-256 of the token and an LRU get', bare],
  ]);
}

export function jwtTable({ cold, warm, jose }: Samples<'cold' | 'warm' | 'jose'>): string {
  return table('In process, one call with a JWT access token, RS256, 16 at a time', jose, [
    ['**`NowggAuthGuard`**, a token that is new', cold],
    ['**`NowggAuthGuard`**, a token that is known', warm],
    ['jose in a bare guard, with the key set', jose],
  ]);
}

function table(title: string, base: Figures, rows: ReadonlyArray<readonly [string, Figures]>): string {
  return markdownTable(
    [{ heading: title }, ...['CPU µs', 'median', '× bare', 'median'].map(right)],
    rows.map(([name, own]) => [
      name,
      lowest(own).toFixed(2),
      median(own).toFixed(2),
      (lowest(own) / lowest(base)).toFixed(2),
      ratio(own, base),
    ]),
  );
}

/** Describes the lengths of the tokens, which hashing and parsing depend on. */
export function tokenLengths({ tokens }: Identity): string {
  const of = (kind: keyof Identity['tokens']) => median(tokens[kind].map((token) => token.length));
  return `tokens of ${of('nowgg')} characters (now.gg), ${of('hs256')} (HS256), ${of('rs256')} (RS256), with the same claims`;
}
