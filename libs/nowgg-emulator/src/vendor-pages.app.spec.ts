import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NowggEmulator } from './nowgg-emulator.js';
import { startNowggEmulator } from './start-nowgg-emulator.js';
import { VendorClient } from './testing-support/vendor-client.js';

/** The fields that the vendor's API reference names, with the types of its tables. */
const documented = {
  idToken: {
    iss: 'string',
    sub: 'string',
    aud: 'string',
    exp: 'number',
    iat: 'number',
    auth_time: 'number',
    email: 'string',
    mobile: 'string',
    userId: 'string',
    name: 'string',
    picture: 'string',
    countryCode: 'string',
  },
  token: {
    iss: 'string',
    tokenId: 'string',
    aud: 'string',
    sessionId: 'string',
    userId: 'string',
    scope: 'string',
    iat: 'number',
    exp: 'number',
  },
  codeReply: {
    success: 'boolean',
    code: 'string',
    token: 'string',
    refresh_token: 'string',
    token_expiry: 'string',
    refresh_token_expiry: 'string',
  },
  refreshReply: { success: 'boolean', code: 'string', token: 'string', token_expiry: 'string' },
  userData: {
    email: 'string',
    mobile: 'string',
    userId: 'string',
    profilePicture: 'string',
    name: 'string',
    countryCode: 'string',
    country: 'string',
    countryRegionCode: 'string',
    countryRegion: 'string',
    city: 'string',
    postalCode: 'string',
  },
  sessionData: {
    userAgent: 'string',
    ip: 'string',
    locale: 'string',
    deviceData: {
      os: { version: 'string', name: 'string', platform: 'string' },
      device: { brand: 'string', model: 'string', type: 'string' },
      client: { version: 'string', engine: 'string', name: 'string', type: 'string', engineVersion: 'string' },
    },
    geoData: {
      countryCode: 'string',
      country: 'string',
      countryRegionCode: 'string',
      countryRegion: 'string',
      city: 'string',
      postalCode: 'string',
    },
    lastSessionTimestamp: 'string',
    packageName: 'string',
  },
};

function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shapeOf(field)]));
}

describe('the four endpoints, field by field', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeAll(async () => {
    emulator = await startNowggEmulator();
    client = new VendorClient(emulator);
  });
  afterAll(() => emulator.close());

  it('verify-token gives exactly the documented claims of a token', async () => {
    const issued = emulator.issueTokens();
    const { status, body } = await client.verify(issued.token);
    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      code: 'VERIFICATION_SUCCESS',
      decodedData: expect.anything(),
      msg: 'Token Verification success',
    });
    expect(shapeOf(body.decodedData)).toEqual(documented.token);
    expect(body.decodedData).toMatchObject({
      iss: 'https://now.gg',
      aud: 'demo-client',
      userId: 'player-asha',
      sessionId: issued.sessionId,
      tokenId: issued.tokenId,
      scope: 'email',
      exp: issued.tokenExpiresAtMs / 1000,
    });
  });

  it('verify-token gives exactly the documented claims of an id_token, with a sub that is not the userId', async () => {
    const { body } = await client.verifyIdToken(
      emulator.issueIdToken({ userId: 'player-bjorn', authTime: 1_700_000_000 }),
    );
    const claims = body.decodedData as Record<string, unknown>;
    expect(shapeOf(claims)).toEqual(documented.idToken);
    expect(claims).toMatchObject({ userId: 'player-bjorn', name: 'Björn Åkesson', auth_time: 1_700_000_000 });
    expect(claims.sub).not.toBe(claims.userId);
  });

  it('a code gives a token, a refresh token and both expiries at the top level', async () => {
    const { status, body } = await client.exchange(emulator.issueCode());
    expect(status).toBe(200);
    expect(shapeOf(body)).toEqual(documented.codeReply);
    expect(body).toMatchObject({ success: true, code: 'REFRESH_TOKEN TOKEN' });
  });

  it('a refresh gives a token and no refresh token', async () => {
    const { body } = await client.refresh(emulator.issueTokens().refreshToken);
    expect(shapeOf(body)).toEqual(documented.refreshReply);
    expect(body).toMatchObject({ success: true, code: 'REFRESH_TOKEN TOKEN' });
  });

  it('userinfo gives the documented user data', async () => {
    const { body } = await client.userInfo(emulator.issueTokens({ userId: 'player-chloe' }).token);
    expect(body).toEqual({ success: true, code: 'USERDATA', userData: expect.anything() });
    expect(shapeOf(body.userData)).toEqual(documented.userData);
    expect(body.userData).toMatchObject({ userId: 'player-chloe', email: 'chloe@example.com' });
  });

  it('sessioninfo gives the documented session data', async () => {
    const { body } = await client.sessionInfo(emulator.issueTokens().token);
    expect(body).toEqual({ success: true, code: 'USERDATA', sessionData: expect.anything() });
    expect(shapeOf(body.sessionData)).toEqual(documented.sessionData);
  });

  it('answers as JSON that must not be stored', async () => {
    const { headers } = await client.userInfo(emulator.issueTokens().token);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['another secret', { client_secret: 'wrong' }],
    ['an unknown client', { client_id: 'nobody' }],
  ])('verify-token answers INVALID_TOKEN for %s', async (_case, overrides) => {
    const { status, body } = await client.verify(emulator.issueTokens().token, overrides);
    expect(status).toBe(200);
    expect(body).toEqual({
      success: false,
      code: 'INVALID_TOKEN',
      msg: 'Token Invalid for given ClientId/ClientSecret',
    });
  });

  it('verify-token answers INVALID_TOKEN for a malformed token, one kind as the other and a flipped signature', async () => {
    const { token, refreshToken } = emulator.issueTokens();
    const idToken = emulator.issueIdToken();
    const flipped = token.slice(0, -2) + (token.endsWith('AA') ? 'BB' : 'AA');
    const answers = await Promise.all([
      ...['invalid_response', '..', 'a.b.c', flipped, refreshToken, idToken].map((text) => client.verify(text)),
      client.verifyIdToken(token),
    ]);
    expect(answers.map(({ body }) => body.code)).toEqual(Array(7).fill('INVALID_TOKEN'));
  });

  it('verify-token answers EXPIRED_TOKEN for a token past its end', async () => {
    const { body } = await client.verify(emulator.issueTokens({ lifetimeSeconds: 0 }).token);
    expect(body).toEqual({ success: false, code: 'EXPIRED_TOKEN', msg: 'Token Expired!' });
  });

  it('does not recognise tokens of another emulator', async () => {
    await using other = await startNowggEmulator();
    const { body } = await client.verify(other.issueTokens().token);
    expect(body.code).toBe('INVALID_TOKEN');
  });
});

describe('an emulator with two clients', () => {
  const clients = [
    { clientId: 'one', clientSecret: 'secret-one' },
    { clientId: 'two', clientSecret: 'secret-two' },
  ];
  const asTwo = { client_id: 'two', client_secret: 'secret-two' };

  it('answers INVALID_TOKEN to the other client, for both kinds, also when the token has expired', async () => {
    await using emulator = await startNowggEmulator({ clients });
    const client = new VendorClient(emulator);
    const answers = await Promise.all([
      client.verify(emulator.issueTokens().token, asTwo),
      client.verify(emulator.issueTokens({ lifetimeSeconds: -5 }).token, asTwo),
      client.verifyIdToken(emulator.issueIdToken(), 'two'),
    ]);
    expect(answers.map(({ body }) => body.code)).toEqual(Array(3).fill('INVALID_TOKEN'));
  });

  it('refuses codes and refresh tokens to the other client and keeps them good for their own', async () => {
    await using emulator = await startNowggEmulator({ clients });
    const client = new VendorClient(emulator);
    const code = emulator.issueCode({ clientId: 'one' });
    const { refreshToken } = emulator.issueTokens({ clientId: 'one' });
    expect((await client.exchange(code, asTwo)).body.code).toBe('INVALID_CODE');
    expect((await client.refresh(refreshToken, asTwo)).body.code).toBe('INVALID_REFRESH_TOKEN');
    const asOne = { client_id: 'one', client_secret: 'secret-one' };
    expect((await client.exchange(code, asOne)).body.success).toBe(true);
    expect((await client.refresh(refreshToken, asOne)).body.success).toBe(true);
  });
});

describe('manners that the vendor leaves open', () => {
  it.each([200, 400, 401] as const)('refuses with status %d when told to, on every endpoint', async (refusalStatus) => {
    await using emulator = await startNowggEmulator({ refusalStatus });
    const client = new VendorClient(emulator);
    const answers = await Promise.all([
      client.verify('x'),
      client.exchange('x'),
      client.refresh('x'),
      client.exchange('x', { client_secret: 'wrong' }),
      client.userInfo('x'),
      client.sessionInfo(emulator.issueTokens({ lifetimeSeconds: 0 }).token),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(refusalStatus));
    expect(answers.map(({ body }) => [body.success, body.code])).toEqual([
      [false, 'INVALID_TOKEN'],
      [false, 'INVALID_CODE'],
      [false, 'INVALID_REFRESH_TOKEN'],
      [false, 'INVALID_CLIENT'],
      [false, 'INVALID_TOKEN'],
      [false, 'EXPIRED_TOKEN'],
    ]);
  });

  it.each([
    ['iso', '2027-01-15T09:00:00.000Z', '2027-02-14T08:00:00.000Z'],
    ['rfc', 'Fri, 15 Jan 2027 09:00:00 GMT', 'Sun, 14 Feb 2027 08:00:00 GMT'],
    ['seconds', '1800003600', '1802592000'],
    ['milliseconds', '1800003600000', '1802592000000'],
  ] as const)('writes expiries as %s', async (expiryFormat, tokenExpiry, refreshTokenExpiry) => {
    await using emulator = await startNowggEmulator({ expiryFormat });
    emulator.setClock(1_800_000_000_000, { frozen: true });
    const { body } = await new VendorClient(emulator).exchange(emulator.issueCode());
    expect(body.token_expiry).toBe(tokenExpiry);
    expect(body.refresh_token_expiry).toBe(refreshTokenExpiry);
  });
});

describe('what the pages allow, though no good client needs it', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeAll(async () => {
    emulator = await startNowggEmulator({ sessionInfoForm: 'table' });
    client = new VendorClient(emulator);
  });
  afterAll(() => emulator.close());

  it('the sample body of verify-token works for an id_token: its secret is not required, and not looked at', async () => {
    const token = emulator.issueIdToken();
    for (const client_secret of [undefined, 'demo-secret', 'another-secret']) {
      const { body } = await client.verify(token, { token_type: 'id_token', client_secret });
      expect(body.code).toBe('VERIFICATION_SUCCESS');
    }
    const wrongType = await client.verify(token, { token_type: 'id_token', client_secret: 7 });
    expect(wrongType.body.msg).toBe('client_secret must be a string');
  });

  it('takes the sample bodies of all pages as they stand, field by field and in their order', async () => {
    const secret = { client_secret: 'demo-secret', client_id: 'demo-client' };
    const post = async (path: string, fields: object) =>
      (await client.post(`/accounts/oauth2/v1/${path}`, fields)).body;
    const exchanged = await post('token', {
      ...secret,
      grant_type: 'code',
      code: emulator.issueCode(),
      token_type: 'refresh_token token',
    });
    const { token, refresh_token } = exchanged;
    const refreshed = await post('token', {
      ...secret,
      grant_type: 'refresh_token',
      refresh_token,
      token_type: 'token',
    });
    expect(refreshed.success).toBe(true);
    for (const [token_type, value] of [
      ['token', token],
      ['id_token', emulator.issueIdToken()],
    ]) {
      const body = { token_type, token: value, client_id: 'demo-client', client_secret: 'demo-secret' };
      expect((await post('verify-token', body)).code).toBe('VERIFICATION_SUCCESS');
    }
  });

  it.each([
    ['token', ['token', 'token_expiry']],
    ['refresh_token', ['refresh_token', 'refresh_token_expiry']],
    ['refresh_token token', ['token', 'refresh_token', 'token_expiry', 'refresh_token_expiry']],
    ['token refresh_token', ['token', 'refresh_token', 'token_expiry', 'refresh_token_expiry']],
  ])('a code is exchanged for the token_type %s, and the reply has what was requested', async (token_type, fields) => {
    const { body } = await client.exchange(emulator.issueCode(), { token_type });
    expect(new Set(Object.keys(body))).toEqual(new Set(['success', 'code', ...fields]));
    expect(body.code).toBe('REFRESH_TOKEN TOKEN');
  });

  it.each(['', 'id_token', 'token token', 'token  refresh_token', 'token,refresh_token'])(
    'a code is not exchanged for the token_type %j, and can be used afterwards',
    async (token_type) => {
      const code = emulator.issueCode();
      expect((await client.exchange(code, { token_type })).status).toBe(400);
      expect((await client.exchange(code)).body.success).toBe(true);
    },
  );

  it('sessioninfo in the form of the table has two fields beside success, and numbers as brand and model', async () => {
    const player = emulator.addPlayer();
    const device = { ...player.deviceData, device: { brand: 7, model: 42, type: 'smartphone' } };
    const { userId } = emulator.addPlayer({ deviceData: device });
    const { body } = await client.sessionInfo(emulator.issueTokens({ userId }).token);
    expect(body).toMatchObject({
      success: true,
      lastSessionTimestamp: expect.any(String),
      packageName: 'com.example.game',
      sessionData: { deviceData: { device: { brand: 7, model: 42 } } },
    });
    expect(body.sessionData).not.toHaveProperty('packageName');
    expect(body.sessionData).not.toHaveProperty('lastSessionTimestamp');
  });
});
