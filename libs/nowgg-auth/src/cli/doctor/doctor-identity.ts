import { lookup } from 'node:dns/promises';
import { connect, type PeerCertificate } from 'node:tls';
import type { NowggClock } from '../../clock.js';
import { IdentityHttp, type IdentityHttpOutcome, type IdentityHttpRequest } from '../../identity/identity-http.js';
import { nowgg } from '../../identity/nowgg/nowgg.js';
import { NOWGG_BASE_URL, type NowggProviderOptions } from '../../identity/nowgg/nowgg-options.js';
import { AxiosIdentityHttp } from '../../identity/transport/axios-identity-http.js';
import { type Finding, findingsOf } from './doctor-finding.js';

const TIMEOUT_MS = 5_000;
const SKEW_SECONDS = 5;
const SLOW_MS = 500;
const CERTIFICATE_DAYS = 14;
const DAY_MS = 86_400_000;
/** Not a token of any player: the answer to it shows that the endpoint works. */
const NO_TOKEN = 'nestjs-nowgg-auth-doctor';

const { ok, warning, failed, skipped } = findingsOf('identity');

/** Asks the identity system once, after looking at its name and its certificate. */
export async function checkIdentity(
  client: NowggProviderOptions,
  token: string | undefined,
  clock: NowggClock,
): Promise<readonly Finding[]> {
  const url = new URL(client.baseUrl ?? NOWGG_BASE_URL);
  const name = await checkName(url.hostname.replaceAll(/^\[|\]$/g, ''));
  if (name.status === 'failed') return [name, skipped('call', 'not made, because the host has no address')];
  return [name, await checkCertificate(url, clock), ...(await checkCall(client, token, clock))];
}

async function checkName(host: string): Promise<Finding> {
  try {
    const found = await lookup(host, { all: true });
    return ok('dns', `the host has ${found.length} address${found.length === 1 ? '' : 'es'}`);
  } catch (error) {
    return failed(
      'dns',
      `the host has no address (${codeOf(error)})`,
      'check NOWGG_BASE_URL and the DNS of this machine',
    );
  }
}

async function checkCertificate(url: URL, clock: NowggClock): Promise<Finding> {
  if (url.protocol !== 'https:') {
    return warning(
      'tls',
      'the address is plain http: the client secret is not encrypted',
      'use https outside of tests',
    );
  }
  try {
    const { valid_to } = await certificateOf(url);
    const days = Math.floor((new Date(valid_to).getTime() - clock.now()) / DAY_MS);
    return days < CERTIFICATE_DAYS
      ? warning('tls', `the certificate ends in ${days} days`, 'tell the identity system, or check the clock')
      : ok('tls', `the certificate is valid for ${days} days`);
  } catch (error) {
    return failed(
      'tls',
      `no valid TLS connection (${codeOf(error)})`,
      'check the certificate authorities of this machine (NODE_EXTRA_CA_CERTS) and proxies on the way',
    );
  }
}

function certificateOf({ hostname, port }: URL): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) || 443, servername: hostname }, () => {
      const certificate = socket.getPeerCertificate();
      socket.destroy();
      resolve(certificate);
    });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
    socket.on('error', reject);
  });
}

/** Keeps the last outcome, whose headers no provider hands on. */
class KeepingHttp extends IdentityHttp {
  readonly #http: IdentityHttp;
  last: IdentityHttpOutcome | undefined;

  constructor(http: IdentityHttp) {
    super();
    this.#http = http;
  }

  override async send(request: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    this.last = await this.#http.send(request);
    return this.last;
  }
}

async function checkCall(
  client: NowggProviderOptions,
  token: string | undefined,
  clock: NowggClock,
): Promise<readonly Finding[]> {
  const http = new AxiosIdentityHttp(clock);
  const keeping = new KeepingHttp(http);
  const provider = nowgg(client).create({ http: keeping, clock, clockSkewMs: SKEW_SECONDS * 1000 });
  const startedAtMs = clock.monotonicNow();
  const verdict = await provider.verify(token ?? NO_TOKEN, 'token', AbortSignal.timeout(TIMEOUT_MS));
  const tookMs = Math.round(clock.monotonicNow() - startedAtMs);
  http.close();
  const { last } = keeping;
  if (last?.status !== 'reply') {
    const cause = last?.code ?? last?.reason ?? 'no answer';
    return [failed('call', `verify-token did not answer (${cause})`, 'check firewalls and NOWGG_BASE_URL')];
  }
  return [
    callFinding(verdict.status, last.statusCode, tookMs),
    skewFinding(last.headers?.date, clock),
    secretFinding(),
  ];

  function secretFinding(): Finding {
    if (client.clientSecret === undefined) {
      return warning('credentials', 'no client secret: only id_tokens can be verified', 'set NOWGG_CLIENT_SECRET');
    }
    if (token === undefined) {
      return skipped(
        'credentials',
        'a refused token does not tell whether the secret is right',
        'put a valid access token into NOWGG_TOKEN and run doctor again',
      );
    }
    if (verdict.status === 'valid') return ok('credentials', 'client id and secret are accepted');
    return verdict.status === 'invalid'
      ? failed('credentials', `the token is refused (${verdict.reason})`, 'use a new token, or check id and secret')
      : failed(
          'credentials',
          `no verdict about the token (${verdict.reason})`,
          'check NOWGG_CLIENT_ID and NOWGG_BASE_URL',
        );
  }
}

function callFinding(verdict: 'valid' | 'invalid' | 'unknown', statusCode: number, tookMs: number): Finding {
  if (verdict === 'unknown') {
    return failed(
      'call',
      `verify-token answers with status ${statusCode} and not as now.gg does`,
      'check NOWGG_BASE_URL, and whether a proxy answers instead',
    );
  }
  const message = `verify-token answers in ${tookMs} ms`;
  return tookMs > SLOW_MS
    ? warning('call', message, 'each first use of a token waits as long: run near to the identity system')
    : ok('call', message);
}

function skewFinding(date: string | undefined, clock: NowggClock): Finding {
  const theirs = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return skipped('clock', 'the answer has no date to compare the clock with');
  const skew = Math.round((clock.now() - theirs) / 1000);
  return Math.abs(skew) > SKEW_SECONDS
    ? failed('clock', `this machine's clock differs by ${skew} s`, 'run NTP: tokens are refused as too old or too new')
    : ok('clock', `this machine's clock differs by ${Math.abs(skew)} s at most`);
}

/** The code of an error: messages quote addresses. */
function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'no code';
}
