import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { NOWGG_TOKEN_CHANNEL, NOWGG_TOKEN_READ_CHANNEL } from 'nestjs-nowgg-auth';
import { HELP } from '../../libs/nowgg-auth/src/cli/help.js';
import { TokenCounters } from '../../libs/nowgg-auth/src/tokens/events/token-events.js';
import { root } from './markdown.js';

const page = (name: string) => readFileSync(path.join(root, 'docs', name), 'utf8');
const missingIn = (names: readonly string[], text = page('grants.md')) =>
  names.filter((name) => !new RegExp(`[\` ]${name}[\`= ]`).test(text));

describe('docs/grants', () => {
  it('names both channels, every counter and every outcome', () => {
    const { outcomes, ...counters } = new TokenCounters().read();
    const names = [...Object.keys(outcomes), ...Object.keys(counters)];
    expect(missingIn([NOWGG_TOKEN_CHANNEL, NOWGG_TOKEN_READ_CHANNEL, ...names])).toEqual([]);
  });

  it('tells, with the pages of the other commands, every option but the usual ones', () => {
    const options = [...new Set(HELP.match(/--[a-z][a-z-]+/g))].filter((name) => !/help|version/.test(name));
    expect(options.length).toBeGreaterThan(10);
    const pages = ['grants.md', 'routes.md', 'operations/doctor.md', 'operations/audit.md', 'operations/explain.md']
      .map(page)
      .join('\n');
    expect(missingIn(options, pages)).toEqual([]);
  });
});
