import { within } from './clock.js';
import { type DeviceKey, keyInDatabase, keyInMemory } from './device-key.js';
import { base64url, digestOf } from './encoding.js';
import { SessionUnavailableError } from './errors.js';
import type { KeyBinding } from './options.js';
import { isText } from './session-record.js';

/** Options of {@link keyBinding}. */
export interface KeyBindingOptions {
  /**
   * Called after a sign-in whose session is not bound. `NO_KEY`: this browser makes or keeps no key, as in a private
   * window or on a page without TLS. `NOT_OFFERED`: the backend has not bound it.
   */
  readonly onUnbound?: (reason: 'NO_KEY' | 'NOT_OFFERED') => void;
}

/** Time for the browser to find or make the key. */
const patienceMs = 3_000;
/** Between the handle of a bound session and the name of its key, where the session is kept. */
const mark = '#';

/** The answers and bodies of the routes, as far as they matter here. */
interface Fields {
  readonly code?: string;
  readonly handoff?: string;
  readonly session?: string;
  readonly bound?: boolean;
  readonly errorCode?: string;
  readonly nonce?: string;
}

const refusedProof = 'invalid_dpop_proof';

const isAboutProof = ({ errorCode }: Fields) => errorCode === 'use_dpop_nonce' || errorCode === refusedProof;
const unavailable = () => new SessionUnavailableError(1, true);
const encoded = (value: object) => base64url(new TextEncoder().encode(JSON.stringify(value)));

/**
 * Binds the sessions of new sign-ins to a key of this device, where the backend offers it: a handle that is copied from
 * the storage, a backup or a log is then of no use elsewhere. The access token is not bound. Each sign-in, refresh and
 * sign-out has a proof of the key (shaped as in RFC 9449) that is good once, for this request.
 *
 * The key is P-256 and cannot be read out. With `storage: 'localStorage'` or an adapter it is in IndexedDB, one for all
 * tabs; with `memory` it ends with the page, as the session does. Where there is no key, sign-ins are not bound; they do
 * not fail. When the key of a bound session is gone, the session ends (`ENDED`), and the next sign-in has a new key.
 * A script that runs in the page can use the key while it runs.
 *
 * @example
 * ```ts
 * import { configure } from 'nowgg-auth-client';
 * import { keyBinding } from 'nowgg-auth-client/binding';
 *
 * export const session = configure({
 *   baseUrl: 'https://game.example.com',
 *   storage: 'localStorage',
 *   binding: keyBinding({ onUnbound: (reason) => console.info('this session is not bound:', reason) }),
 * });
 * ```
 */
export function keyBinding({ onUnbound }: KeyBindingOptions = {}): KeyBinding {
  return (send, name, clock, storage) => {
    const keys = storage ? keyInDatabase(name) : keyInMemory();
    // A microtask of its own: a function that throws must not fail the sign-in.
    const tell = (reason: 'NO_KEY' | 'NOT_OFFERED') => queueMicrotask(() => onUnbound?.(reason));
    let nonce: string | undefined;
    /** The code or handoff whose answer may have been lost, and its key: the backend answers it again for this key only. */
    let tried: { readonly code?: string | undefined; readonly key: DeviceKey | undefined } | undefined;

    const prove = async ({ privateKey, x, y }: DeviceKey, htu: string, credential: string) => {
      const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty: 'EC', crv: 'P-256', x, y } };
      const jti = base64url(crypto.getRandomValues(new Uint8Array(16)));
      const iat = Math.floor(clock.now() / 1000);
      const claims = { jti, htm: 'POST', htu, iat, ath: await digestOf(credential), nonce };
      const signed = `${encoded(header)}.${encoded(claims)}`;
      const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
      const signature = await crypto.subtle.sign(algorithm, privateKey, new TextEncoder().encode(signed));
      return `${signed}.${base64url(new Uint8Array(signature))}`;
    };

    return async (input, init) => {
      const body = JSON.parse((init?.body ?? '{}') as string) as Fields;
      // What begins a session: a code, or what a page has come back with.
      const code = body.code ?? body.handoff;
      const [handle = '', boundTo] = body.session?.split(mark) ?? [];
      if (!code && !boundTo) return send(input, init);

      const look = async () => ({ code, key: await (code ? keys.make() : keys.find()) });
      const search = async () =>
        within(
          clock,
          patienceMs,
          look().catch(() => undefined),
        );
      const found = code && tried?.code === code ? tried : await search();
      // The key may be there again: only a storage that can be read shows that it is gone.
      if (!found && !code) throw unavailable();
      const key = code || found?.key?.x === boundTo ? found?.key : undefined;
      if (code) tried = { code, key };

      const attempt = async () => {
        const proof = key && { dpop: await prove(key, input as string, code ?? handle) };
        const headers = { ...(init?.headers as Record<string, string>), ...proof };
        const text = JSON.stringify(code ? body : { ...body, session: handle });
        const response = await send(input, { ...init, headers, body: text });
        const given: unknown = await response
          .clone()
          .json()
          .catch(() => {});
        return { response, answer: Object(given) as Fields };
      };
      let { response, answer } = await attempt();
      // Also without a nonce: a browser may repeat a request whose connection was cut, and a proof is good once.
      if (key && isAboutProof(answer)) {
        if (isText(answer.nonce)) ({ nonce } = answer);
        ({ response, answer } = await attempt());
      }

      // Nothing was used then.
      if (isAboutProof(answer)) tried = undefined;
      const { errorCode, session, bound } = answer;
      // A refused proof of the right key says something about the backend, a proxy or a clock.
      if (key && isAboutProof(answer) && !(code && errorCode === refusedProof)) throw unavailable();
      if (!response.ok) return response;
      if (code && !bound) tell(key ? 'NOT_OFFERED' : 'NO_KEY');
      const id = code ? bound && key?.x : boundTo;
      if (!id || !session) return response;
      return new Response(JSON.stringify({ ...answer, session: `${session}${mark}${id}` }), response);
    };
  };
}
