import { markdownTable } from '../support/markdown-table.js';
import { lowest, median, paired } from '../support/statistics.js';
import type { HttpSamples } from './over-http.js';
import type { Identity } from './identity-process.js';
import type { InProcessSamples, MeasuredPart } from './in-process.js';
import type { JwtGuardName, JwtSamples } from './jwt-process.js';
import { type Platform, type VariantName, variants } from './variants.js';

/** Lowest and median of a figure's rounds. */
export interface Spread {
  readonly lowest: number;
  readonly median: number;
}

/** One variant's figures: microseconds, and medians of the rounds' ratios. */
export interface VariantFigures {
  readonly name: VariantName;
  readonly title: string;
  readonly cpu: Spread;
  /**
   * Cost that the guard adds to the unguarded route: between the lowest rounds, and the median of the rounds'
   * differences.
   */
  readonly added: Spread;
  /**
   * The whole request as a multiple of the one to the unguarded route, and of the one to the route guarded by bare
   * jose.
   */
  readonly ratio: number;
  readonly besideJose: number;
}

export function variantFigures(samples: HttpSamples): readonly VariantFigures[] {
  const base = samples.unguarded;
  return variants.map(({ name, title }) => {
    const own = samples[name];
    return {
      name,
      title,
      cpu: spread(own),
      added: {
        lowest: lowest(own) - lowest(base),
        median: median(paired(own, base, (a, b) => a - b)),
      },
      ratio: median(paired(own, base, (a, b) => a / b)),
      besideJose: median(paired(own, samples['jose-rs256'], (a, b) => a / b)),
    };
  });
}

/** The table of one platform. */
export function httpTable(platform: Platform, figures: readonly VariantFigures[]): string {
  const title = platform === 'express' ? 'Express' : 'Fastify';
  return markdownTable(
    [
      { heading: `${title}: the route is guarded by` },
      { heading: 'CPU µs/request', align: 'right' },
      { heading: 'median', align: 'right' },
      { heading: 'added µs', align: 'right' },
      { heading: 'median', align: 'right' },
      { heading: '× no guard', align: 'right' },
      { heading: '× jose', align: 'right' },
    ],
    figures.map(({ title: name, cpu, added, ratio, besideJose }) => {
      const isBase = name === variants[0].title;
      return [
        name,
        cpu.lowest.toFixed(1),
        cpu.median.toFixed(1),
        isBase ? '' : added.lowest.toFixed(1),
        isBase ? '' : added.median.toFixed(1),
        ratio.toFixed(2),
        besideJose.toFixed(2),
      ];
    }),
  );
}

/**
 * A guard call's cost in parts, in microseconds, and its ratio to the bare cost of hashing and looking up the token.
 */
export interface InProcessFigures {
  readonly parts: Readonly<Record<MeasuredPart, Spread>>;
  readonly ratio: Spread;
}

export function inProcessFigures(samples: InProcessSamples): InProcessFigures {
  const parts = Object.fromEntries(
    Object.entries(samples).map(([name, values]) => [name, spread(values)]),
  ) as unknown as InProcessFigures['parts'];
  return {
    parts,
    ratio: {
      lowest: lowest(samples.guard) / lowest(samples.bare),
      median: median(paired(samples.guard, samples.bare, (a, b) => a / b)),
    },
  };
}

export function inProcessTable({ parts, ratio }: InProcessFigures): string {
  const { guard, authenticate, credential, key, bare, hash } = parts;
  const row = (title: string, value: Spread) => [title, value.lowest.toFixed(2), value.median.toFixed(2)];
  const difference = (a: Spread, b: Spread): Spread => ({ lowest: a.lowest - b.lowest, median: a.median - b.median });
  return markdownTable(
    [
      { heading: 'In process, one call on a warm cache' },
      { heading: 'CPU µs', align: 'right' },
      { heading: 'median', align: 'right' },
    ],
    [
      row('**`NowggAuthGuard.canActivate`**', guard),
      row('bare: SHA-256 of the token and an LRU get', bare),
      row('**ratio**', ratio),
      row('of the call: reading the credential', credential),
      row('of the call: the authenticator', authenticate),
      row('of the call: policy and request', difference(difference(guard, authenticate), credential)),
      row('of the authenticator: cache key', key),
      row('of the authenticator: lookup and checks', difference(authenticate, key)),
      row('of the bare cost: SHA-256', hash),
    ],
  );
}

/** A guard call for a JWT access token, in microseconds, and its ratio to a bare guard on jose. */
export type JwtFigures = Readonly<Record<JwtGuardName, { readonly cpu: Spread; readonly ratio: Spread }>>;

const JWT_TITLES: Readonly<Record<JwtGuardName, string>> = {
  cold: '**`NowggAuthGuard`**, a token that is new',
  warm: '**`NowggAuthGuard`**, a token that is known',
  jose: 'jose in a bare guard, key set at hand',
  'passport-jwks-rsa': 'passport-jwt and jwks-rsa',
  'oauth2-jwt-bearer': 'express-oauth2-jwt-bearer',
};

export function jwtFigures(samples: JwtSamples): JwtFigures {
  const figures = Object.entries(samples).map(([name, own]) => [
    name,
    {
      cpu: spread(own),
      ratio: {
        lowest: lowest(own) / lowest(samples.jose),
        median: median(paired(own, samples.jose, (a, b) => a / b)),
      },
    },
  ]);
  return Object.fromEntries(figures) as JwtFigures;
}

/** @param how the calls were made */
export function jwtTable(how: string, figures: JwtFigures): string {
  const right = (heading: string) => ({ heading, align: 'right' }) as const;
  return markdownTable(
    [
      { heading: `In process, one call with a JWT access token, RS256, ${how}` },
      right('CPU µs'),
      right('median'),
      right('× jose'),
      right('median'),
    ],
    (Object.keys(JWT_TITLES) as JwtGuardName[]).map((name) => {
      const { cpu, ratio } = figures[name];
      const cells = [cpu.lowest.toFixed(1), cpu.median.toFixed(1), ratio.lowest.toFixed(2), ratio.median.toFixed(2)];
      return [JWT_TITLES[name], ...cells];
    }),
  );
}

/** Describes the lengths of the tokens, which hashing and parsing depend on. */
export function tokenLengths({ tokens }: Identity): string {
  const of = (kind: keyof Identity['tokens']) => median(tokens[kind].map((token) => token.length));
  return `tokens of ${of('nowgg')} characters (now.gg), ${of('hs256')} (HS256), ${of('rs256')} (RS256), with the same claims`;
}

function spread(values: readonly number[]): Spread {
  return { lowest: lowest(values), median: median(values) };
}
