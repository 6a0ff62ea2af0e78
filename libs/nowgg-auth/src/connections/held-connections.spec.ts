import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { NowggAuthError } from '../errors.js';
import { credentialIdOf } from '../identity/token-text.js';
import { principalOf } from '../principal.js';
import type { RevocationKind, RevocationSubject } from '../revocation/marks/watermark.js';
import { FakeAuthenticator, factsOf } from '../testing-support/fake-authenticator.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { HeldToken } from '../verification/held-token.js';
import { HeldConnections } from './held-connections.js';

class Standing extends FakeAuthenticator {
  readonly answers: (boolean | Promise<boolean | undefined>)[] = [];
  asked = 0;

  override isRevoked(): boolean | Promise<boolean | undefined> {
    this.asked += 1;
    return this.answers.shift() ?? false;
  }
}

describe('HeldConnections', () => {
  function site() {
    const clock = new ManualClock();
    const authenticator = new Standing();
    let tell: (subject: RevocationSubject) => void = () => undefined;
    const feed = {
      onApplied: (listener: typeof tell) => {
        tell = listener;
        return () => undefined;
      },
    };
    const connections = new HeldConnections(clock, authenticator, feed);
    const open = (userId: string, more: Parameters<typeof factsOf>[1] = {}) => {
      const ends: string[] = [];
      const connection = { end: ({ errorCode }: NowggAuthError) => void ends.push(errorCode) };
      const principal = principalOf(factsOf(userId, more));
      connections.set(connection, { held: new HeldToken(`token-of-${userId}`), principal });
      return { connection, ends };
    };
    const mark = (kind: RevocationKind, id: string) => tell({ provider: 'nowgg', kind, id });
    return { clock, authenticator, connections, open, mark };
  }

  it.each<[RevocationKind, string]>([
    ['user', 'u1'],
    ['session', 's1'],
    ['token', 't1'],
    ['credential', credentialIdOf('token-of-u1')],
  ])('ends the connections that a mark of a %s refuses, and looks at no others', (kind, id) => {
    const { authenticator, open, mark, connections } = site();
    const [mine, other] = [
      open('u1', { sessionId: 's1', tokenId: 't1' }),
      open('u2', { sessionId: 's2', tokenId: 't2' }),
    ];
    const before = authenticator.asked;
    authenticator.answers.push(true);
    mark(kind, id);
    expect([mine.ends, other.ends]).toEqual([['revoked_token'], []]);
    expect(authenticator.asked - before).toBe(1);
    expect(connections.size).toBe(1);
  });

  it('keeps a connection whose token is newer than the mark', () => {
    const { open, mark } = site();
    const { ends } = open('u1');
    mark('user', 'u1');
    expect(ends).toEqual([]);
  });

  it('ends a connection at once that is refused already when it comes', () => {
    const { authenticator, open, connections } = site();
    authenticator.answers.push(true);
    expect(open('u1').ends).toEqual(['revoked_token']);
    expect(connections.size).toBe(0);
  });

  it('looks again where a look-up failed', async () => {
    const { authenticator, clock, open, mark } = site();
    const { ends } = open('u1');
    authenticator.answers.push(Promise.resolve(undefined), Promise.reject(new Error('down')), true);
    mark('user', 'u1');
    for (const _ of [1, 2]) {
      await nextTurn();
      expect(ends).toEqual([]);
      clock.advance(1_000);
      await nextTurn();
    }
    expect(ends).toEqual(['revoked_token']);
  });

  it('ends at the expiry of the newest token only', async () => {
    const { clock, connections, open } = site();
    const { connection, ends } = open('u1', { expiresAtMs: clock.now() + 1_000 });
    const principal = principalOf(factsOf('u1', { expiresAtMs: clock.now() + 5_000 }));
    connections.set(connection, { held: new HeldToken('newer'), principal });
    clock.advance(2_000);
    await nextTurn();
    expect(ends).toEqual([]);
    clock.advance(4_000);
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    expect(ends).toEqual(['expired_token']);
  });

  it('forgets a closed connection', () => {
    const { authenticator, connections, open, mark } = site();
    const { connection, ends } = open('u1', { sessionId: 's' });
    connections.remove(connection);
    authenticator.answers.push(true);
    mark('user', 'u1');
    mark('session', 's');
    expect([ends, connections.size]).toEqual([[], 0]);
  });
});
