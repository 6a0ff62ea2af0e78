import { describe, expect, it } from '@jest/globals';
import { readSignInRequest } from './sign-in-request.js';

const rules = {
  hasClient: (clientId: string) => ['demo-client', 'other-client'].includes(clientId),
  defaultClientId: 'demo-client',
  allowedOrigins: ['https://game.example.com'],
};
const read = (fields: Readonly<Record<string, string>>) =>
  readSignInRequest(`?${new URLSearchParams(fields).toString()}`, rules);

describe('the query of the sign-in page', () => {
  it('asks for a code to copy when it is empty', () => {
    expect(readSignInRequest('', rules)).toEqual({ clientId: 'demo-client', delivery: { kind: 'copy' } });
  });

  it('hands client, state, scope and hint on as they are, and ignores what it does not know', () => {
    const fields = { client_id: 'other-client', state: ' a&b=ü ', scope: 'profile', login_hint: 'x', prompt: 'login' };
    expect(read({ ...fields, response_type: 'code' })).toEqual({
      clientId: 'other-client',
      delivery: { kind: 'copy' },
      state: ' a&b=ü ',
      scope: 'profile',
      loginHint: 'x',
    });
  });

  it.each(['http://localhost:3000', 'http://127.0.0.1', 'https://[::1]:8443', 'https://game.example.com'])(
    'names the origin %s for a popup',
    (origin) => {
      expect(read({ mode: 'popup', origin }).delivery).toEqual({ kind: 'popup', origin });
    },
  );

  it.each([
    ['http://localhost:3000/back?x=1', 'http://localhost:3000/back?x=1'],
    ['http://127.1:3000', 'http://127.0.0.1:3000/'],
    ['https://game.example.com/a/../b', 'https://game.example.com/b'],
  ])('redirects to %s', (redirect_uri, redirectUri) => {
    expect(read({ redirect_uri }).delivery).toEqual({ kind: 'redirect', redirectUri });
  });

  const foreign = 'is neither on this machine nor among allowedOrigins';
  const noAddress = 'redirect_uri must be an absolute http or https address';
  const noOrigin = 'origin must be an http or https origin without a path';
  it.each([
    [{ redirect_uri: 'https://evil.example/' }, `redirect_uri ${foreign}`],
    [{ redirect_uri: 'http://game.example.com/' }, `redirect_uri ${foreign}`],
    [{ redirect_uri: 'https://game.example.com:444/' }, `redirect_uri ${foreign}`],
    [{ redirect_uri: 'https://game.example.com.evil.example/' }, `redirect_uri ${foreign}`],
    [{ redirect_uri: 'http://127.0.0.1.evil.example/' }, `redirect_uri ${foreign}`],
    [{ redirect_uri: 'http://localhost.evil.example/' }, `redirect_uri ${foreign}`],
    [{ redirect_uri: 'https:\\\\evil.example\\@localhost' }, `redirect_uri ${foreign}`],
    [{ redirect_uri: 'http://localhost@evil.example/' }, 'redirect_uri must not hold credentials'],
    [{ redirect_uri: 'http://localhost/#' }, 'redirect_uri must not have a fragment'],
    [{ redirect_uri: 'javascript:alert(1)' }, noAddress],
    [{ redirect_uri: 'data:text/html,x' }, noAddress],
    [{ redirect_uri: 'com.example.game://back' }, noAddress],
    [{ redirect_uri: '//localhost/' }, noAddress],
    [{ redirect_uri: '/back' }, noAddress],
    [{ redirect_uri: '' }, noAddress],
    [{ mode: 'redirect' }, 'redirect_uri is missing'],
    [{ mode: 'popup' }, 'a popup needs mode=popup and origin'],
    [{ mode: 'redirect', origin: 'http://localhost' }, 'a popup needs mode=popup and origin'],
    [{ mode: 'frame' }, 'mode must be popup or redirect'],
    [{ mode: 'popup', origin: '*' }, noOrigin],
    [{ mode: 'popup', origin: '/' }, noOrigin],
    [{ mode: 'popup', origin: 'null' }, noOrigin],
    [{ mode: 'popup', origin: 'http://localhost:3000/' }, noOrigin],
    [{ mode: 'popup', origin: 'HTTP://LOCALHOST' }, noOrigin],
    [{ mode: 'popup', origin: 'https://evil.example' }, `origin ${foreign}`],
    [{ origin: 'http://localhost', redirect_uri: 'http://localhost' }, 'origin and redirect_uri exclude each other'],
    [{ client_id: 'nobody' }, 'client_id is not that of a registered app'],
    [{ response_type: 'token' }, 'response_type must be code'],
    [{ state: 's'.repeat(2_001) }, 'state is too long'],
  ])('is refused: %j', (fields, problem) => {
    expect(() => read(fields as Readonly<Record<string, string>>)).toThrow(problem);
  });

  it('is refused when a field stands there twice', () => {
    const query = '?redirect_uri=http%3A%2F%2Flocalhost%2F&redirect_uri=http%3A%2F%2Flocalhost%2F';
    expect(() => readSignInRequest(query, rules)).toThrow('redirect_uri occurs more than once');
  });
});
