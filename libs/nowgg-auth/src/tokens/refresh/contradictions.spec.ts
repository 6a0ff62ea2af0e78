import { describe, expect, it } from '@jest/globals';
import { NowggIdentityProvider } from '../../identity/nowgg/nowgg-identity-provider.js';
import { jwt } from '../../oauth2/verification/jwt.js';
import { oauth2 } from '../../oauth2/provider/oauth2.js';
import { tokenInfo } from '../../oauth2/verification/token-info.js';
import { ManualClock } from '../../testing-support/manual-clock.js';

const context = { http: undefined as never, clock: new ManualClock(), clockSkewMs: 5_000 };
const grant = { userId: 'player-1' };

describe('what a refreshed token says of its user and client', () => {
  const nowgg = new NowggIdentityProvider({ name: 'nowgg', clientId: 'game', clientSecret: 's' }, context);
  const web = (verification = jwt({ audience: 'api' })) =>
    oauth2({
      name: 'web',
      issuer: 'https://id.example',
      clientId: 'game',
      clientSecret: 's',
      verification,
    }).create(context);

  it.each([
    ['nothing', {}],
    ['the same', { userId: 'player-1', sessionId: 'session-1', aud: ['game'] }],
    ['several audiences, ours among them', { aud: ['other', 'game'] }],
  ])('agrees with a grant of now.gg that names %s', (_what, claims) => {
    expect(nowgg.contradicts({ claims }, grant)).toBe(false);
  });

  it.each([
    ['user', { userId: 'player-2' }],
    ['client', { userId: 'player-1', aud: 'other' }],
  ])('contradicts a grant of now.gg that has another %s', (_what, claims) => {
    expect(nowgg.contradicts({ claims }, grant)).toBe(true);
  });

  it('agrees with a grant of the same user whose session has another id: a refresh need not keep it', () => {
    expect(nowgg.contradicts({ claims: { userId: 'player-1', sessionId: 'session-2' } }, grant)).toBe(false);
    expect(web().contradicts({ claims: { sub: 'player-1', sid: 'session-2' } }, grant)).toBe(false);
  });

  it.each([
    ['subject', { sub: 'player-2' }],
    ['issuer', { sub: 'player-1', iss: 'https://other.example' }],
    ['client', { sub: 'player-1', iss: 'https://id.example', client_id: 'other' }],
  ])('contradicts a grant of a standard system that has another %s', (_what, claims) => {
    expect(web().contradicts({ claims }, grant)).toBe(true);
  });

  it('agrees with a grant of a standard system that has the same, however little it says', () => {
    const claims = { sub: 'player-1', iss: 'https://id.example/', client_id: 'game', sid: 'session-1' };
    expect(web().contradicts({ claims }, grant)).toBe(false);
    expect(web().contradicts({ claims: {} }, grant)).toBe(false);
  });

  it('does not compare the subject where users are named by something else', () => {
    const byTokenInfo = tokenInfo({ url: 'https://id.example/info', map: { userId: 'user_id', clientId: false } });
    expect(web(byTokenInfo).contradicts({ claims: { sub: 'another-name' } }, grant)).toBe(false);
  });
});
