import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryTokenStore } from '../tokens/store/memory/memory-token-store.js';
import type { TokenStore } from '../tokens/store/token-store.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { SharedRevocationStore } from '../testing-support/shared-revocation-store.js';
import { MemoryRevocationStore } from '../revocation/memory-revocation-store.js';
import { ReachWarning } from './revocation-providers.js';

const memoryTokens = new MemoryTokenStore(new ManualClock());
/** Grants in a database, as far as a warning can tell. */
const sharedTokens = Object.create(null) as TokenStore;

describe('revocations that reach one process only', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each([
    ['beside grants that processes share are warned of once', new MemoryRevocationStore(), sharedTokens, 1],
    ['beside grants of one process are as they should be', new MemoryRevocationStore(), memoryTokens, 0],
    ['without grants are as they should be', new MemoryRevocationStore(), undefined, 0],
    ['are none where processes share them', new SharedRevocationStore(), sharedTokens, 0],
  ])('%s', (_what, revocations, tokens, warnings) => {
    const warn = jest.fn<(level: string, text: string) => void>();
    new ReachWarning(revocations, tokens, { write: warn }).onApplicationBootstrap();
    expect(warn).toHaveBeenCalledTimes(warnings);
    expect(
      warn.mock.calls.filter(([level, text]) => level !== 'warn' || !text.includes('typeOrmRevocationStore()')),
    ).toEqual([]);
  });
});
