import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NowggEmulator } from '../nowgg-emulator.js';
import { startNowggEmulator } from '../start-nowgg-emulator.js';
import { VendorClient } from '../testing-support/vendor-client.js';

describe('what the sign-in page asks for', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeEach(async () => {
    emulator = await startNowggEmulator();
    client = new VendorClient(emulator);
  });
  afterEach(() => emulator.close());

  const post = async (path: string, body: unknown) => (await client.post(`/_control/sign-ins${path}`, body)).body;
  const popup = '?mode=popup&origin=http://localhost:3000&state=s1';
  const redirect = '?redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fback%3Fa%3D1%26code%3Dold&state=s%26t';

  it('hands a code to the origin that was asked for', async () => {
    const step = await post('', { query: popup, userId: 'player-bjorn' });
    const code = expect.stringMatching(/^[\w-]{43}$/) as unknown as string;
    const message = { type: 'nowgg-emulator:code', code, state: 's1' };
    expect(step).toEqual({ kind: 'message', origin: 'http://localhost:3000', message });
    const issued = await client.exchange((step.message as { code: string }).code);
    const verified = await client.verify(issued.body.token as string);
    expect(verified.body.decodedData).toMatchObject({ userId: 'player-bjorn', scope: 'email' });
  });

  it('puts code and state into the query of the redirect, in place of what stood there', async () => {
    const { kind, to } = await post('', { query: redirect, userId: 'player-asha' });
    const address = new URL(to as string);
    expect(kind).toBe('redirect');
    expect(address.origin + address.pathname).toBe('http://localhost:3000/back');
    expect([...address.searchParams.keys()]).toEqual(['a', 'code', 'state']);
    expect(address.searchParams.get('state')).toBe('s&t');
    const issued = await client.exchange(`${address.searchParams.get('code')}`);
    expect(issued.body.success).toBe(true);
  });

  it('says that the sign-in was cancelled, and makes no code', async () => {
    const message = { type: 'nowgg-emulator:cancelled', state: 's1' };
    expect(await post('/cancel', { query: popup })).toEqual({
      kind: 'message',
      origin: 'http://localhost:3000',
      message,
    });
    expect(await post('/cancel', { query: redirect })).toEqual({
      kind: 'redirect',
      to: 'http://localhost:3000/back?a=1&error=access_denied&state=s%26t',
    });
    expect(emulator.issued).toEqual([]);
  });

  it('gives a code of the named client and scope', async () => {
    const { code } = await post('', { query: '?client_id=demo-client&scope=profile', userId: 'player-asha' });
    const { token } = (await client.exchange(code as string)).body;
    expect((await client.verify(token as string)).body.decodedData).toMatchObject({ scope: 'profile' });
  });

  it('describes where the code will go, and who may be chosen', async () => {
    emulator.setBanned('player-asha', true);
    const description = await post('/describe', { query: `${popup}&login_hint=player-chloe` });
    expect(description).toMatchObject({
      clientId: 'demo-client',
      kind: 'popup',
      to: 'http://localhost:3000',
      loginHint: 'player-chloe',
    });
    expect(description.players).toEqual([
      { userId: 'player-asha', name: 'Asha Rao', countryCode: 'IN', banned: true },
      expect.objectContaining({ userId: 'player-bjorn', banned: false }),
      expect.objectContaining({ userId: 'player-chloe', banned: false }),
    ]);
  });

  it('refuses a foreign address at each step and makes no code', async () => {
    const query = '?redirect_uri=https%3A%2F%2Fevil.example%2F';
    const problem = 'redirect_uri is neither on this machine nor among allowedOrigins';
    expect(await post('/describe', { query })).toEqual({ refusal: problem });
    expect(await post('', { query, userId: 'player-asha' })).toEqual({ error: problem });
    expect(await post('/cancel', { query })).toEqual({ error: problem });
    expect(emulator.issued).toEqual([]);
  });

  it.each([
    [{ query: '' }, 'userId is missing'],
    [{ userId: 'player-asha' }, 'query is missing'],
    [{ query: '', userId: 'nobody' }, 'there is no such player'],
  ])('says what is missing: %j', async (body, error) => {
    expect(await post('', body)).toEqual({ error });
  });
});
