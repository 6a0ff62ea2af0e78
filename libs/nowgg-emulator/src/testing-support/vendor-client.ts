import type { NowggEmulator } from '../nowgg-emulator.js';

/** The demo client's credentials, as a request body contains them. */
export const credentials = { client_id: 'demo-client', client_secret: 'demo-secret' };

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** Sends requests to an emulator as a correct client would, and returns the answers. */
export class VendorClient {
  constructor(private readonly emulator: Pick<NowggEmulator, 'url'>) {}

  verify(token: string, overrides: Record<string, unknown> = {}): Promise<Answer> {
    return this.post('/accounts/oauth2/v1/verify-token', { ...credentials, token_type: 'token', token, ...overrides });
  }

  verifyIdToken(token: string, clientId = 'demo-client'): Promise<Answer> {
    return this.post('/accounts/oauth2/v1/verify-token', { token_type: 'id_token', token, client_id: clientId });
  }

  exchange(code: string, overrides: Record<string, unknown> = {}): Promise<Answer> {
    const fields = { ...credentials, grant_type: 'code', code, token_type: 'refresh_token token', ...overrides };
    return this.post('/accounts/oauth2/v1/token', fields);
  }

  refresh(refreshToken: string, overrides: Record<string, unknown> = {}): Promise<Answer> {
    const fields = { ...credentials, grant_type: 'refresh_token', refresh_token: refreshToken, token_type: 'token' };
    return this.post('/accounts/oauth2/v1/token', { ...fields, ...overrides });
  }

  userInfo(token: string): Promise<Answer> {
    return this.send('/accounts/users/v1/userinfo', { headers: { authorization: `Bearer ${token}` } });
  }

  sessionInfo(token: string): Promise<Answer> {
    return this.send('/accounts/users/v1/sessioninfo', { headers: { authorization: `Bearer ${token}` } });
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  async send(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(this.emulator.url + path, { redirect: 'manual', ...init });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
  }
}
