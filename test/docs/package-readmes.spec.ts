import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from './markdown.js';

// The registry shows these pages without the repository around them.
describe.each(['nowgg-auth', 'nowgg-auth-client', 'nowgg-emulator'])('the page of libs/%s in a registry', (library) => {
  const page = readFileSync(path.join(root, 'libs', library, 'README.md'), 'utf8');
  const { name } = JSON.parse(readFileSync(path.join(root, 'libs', library, 'package.json'), 'utf8')) as {
    name: string;
  };

  it('has an install line and an example that imports the package', () => {
    expect(page).toMatch(new RegExp(`^npm install (--save-dev )?${name}\\b`, 'm'));
    expect(page).toContain(`from '${name}'`);
  });

  it('has no link that works in the repository only', () => {
    const targets = [...page.matchAll(/\]\(([^)\s]+)/g)].map(([, target]) => target);
    expect(targets.filter((target) => !/^(https:|#)/.test(target ?? ''))).toEqual([]);
  });
});
