import { startNowggEmulator } from 'nowgg-emulator';

const client = { client_id: 'demo-client', client_secret: 'demo-secret' };

/** Calls of a backend that fill the lists of the page. */
async function play(emulator) {
  const post = (operation, body) =>
    fetch(`${emulator.url}/accounts/oauth2/v1/${operation}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...client, ...body }),
    });
  const exchange = async (code) => {
    const answer = await post('token', { grant_type: 'code', token_type: 'refresh_token token', code });
    return answer.json();
  };
  const verify = (token) => post('verify-token', { token_type: 'token', token });

  const asha = await exchange(emulator.issueCode({ userId: 'player-asha' }));
  await verify(asha.token);
  await fetch(`${emulator.url}/accounts/users/v1/userinfo`, { headers: { authorization: `Bearer ${asha.token}` } });
  emulator.advanceClock(74_000);
  emulator.setTokenLifetime(60);
  const bjorn = await exchange(emulator.issueCode({ userId: 'player-bjorn' }));
  await verify(bjorn.token);
  emulator.advanceClock(65_000);
  await verify(bjorn.token);
  emulator.setFault({ kind: 'status', status: 503, count: 1 });
  await post('token', { grant_type: 'refresh_token', token_type: 'token', refresh_token: bjorn.refresh_token });
  emulator.advanceClock(2_000);
  await post('token', { grant_type: 'refresh_token', token_type: 'token', refresh_token: bjorn.refresh_token });
  emulator.revokeToken(asha.token);
  await verify(asha.token);
  emulator.issueCode({ userId: 'player-chloe' });
  emulator.setFault({ kind: 'latency', ms: 2000 });
}

/** The emulator's page and its sign-in page. */
export async function prepare() {
  const emulator = await startNowggEmulator({ port: 4000 });
  emulator.setClock(Date.UTC(2026, 5, 1, 12, 0, 0), { frozen: true });
  await play(emulator);
  const query = new URLSearchParams({ mode: 'popup', origin: 'http://127.0.0.1:3000', login_hint: 'player-asha' });
  return {
    scenes: [
      {
        name: 'emulator',
        width: 1180,
        height: 980,
        async open(page) {
          await page.goto(`${emulator.url}/`);
          await page.getByRole('button', { name: /^Revoke code/ }).waitFor();
        },
      },
      {
        name: 'emulator-sign-in',
        width: 520,
        height: 620,
        async open(page) {
          await page.goto(`${emulator.url}/sign-in?${query.toString()}`);
          await page.getByRole('button', { name: /Chloe/ }).waitFor();
        },
      },
    ],
    close: () => emulator.close(),
  };
}
