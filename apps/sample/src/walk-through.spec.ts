import { describe, expect, it } from '@jest/globals';
import { printWalkThrough, walkThrough } from './walk-through.js';

describe('the walk-through', () => {
  const steps = walkThrough('http://127.0.0.1:3000', { emulator: 'http://127.0.0.1:4080', isWebEmbedded: true });

  it('has no comment, which an interactive zsh would run as a command', () => {
    expect(printWalkThrough(steps).split('\n')).not.toContainEqual(expect.stringMatching(/^\s*#/));
  });

  it('has no quote that would end a title or a line of output', () => {
    const quoted = steps.flatMap(({ title, prints }) => [title, ...prints]);
    expect(quoted).not.toContainEqual(expect.stringContaining("'"));
  });
});
