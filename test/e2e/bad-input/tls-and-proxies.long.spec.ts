import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { CertificateAuthority } from '../../support/servers/certificates.js';
import type { AskedOnce } from '../../support/processes/children/ask-once.js';
import { acceptAny } from '../../support/game/now-gg-messages.js';
import { RawPeer } from '../../support/raw-http/raw-peer.js';
import { runSource } from '../../support/processes/source-process.js';

// One process boots ten applications; a busy machine takes its time over them.
jest.setTimeout(240_000);

const trusted = new CertificateAuthority('trusted authority of the test');
const unknown = new CertificateAuthority('another authority of the test');
const peers: RawPeer[] = [];

beforeAll(async () => {
  const [good, expired, otherHost, selfMade] = [
    trusted.issue('IP:127.0.0.1'),
    trusted.issue('IP:127.0.0.1', -1),
    trusted.issue('DNS:now.gg'),
    unknown.issue('IP:127.0.0.1'),
  ];
  for (const tls of [good, expired, otherHost, selfMade])
    peers.push((await RawPeer.start({ tls })).alwaysAnswer(acceptAny));
});

afterAll(async () => {
  for (const peer of peers) await peer[Symbol.asyncDispose]();
  trusted[Symbol.dispose]();
  unknown[Symbol.dispose]();
});

describe('an application in a process whose environment names proxies and one certificate authority', () => {
  it('believes only the good certificate for this host, and takes no proxy', async () => {
    await using proxy = await RawPeer.start();
    const plain = (await RawPeer.start()).alwaysAnswer(acceptAny);
    peers.push(plain);
    const names = [
      'HTTP_PROXY',
      'HTTPS_PROXY',
      'ALL_PROXY',
      'NPM_CONFIG_PROXY',
      'NPM_CONFIG_HTTPS_PROXY',
      'NODE_USE_ENV_PROXY',
    ];
    const variables = names.flatMap((name) => [name, name.toLowerCase()].map((key) => [key, proxy.url] as const));
    const { stdout, stderr } = await runSource('test/support/processes/children/ask-once.ts', {
      args: [plain, ...peers.slice(0, 4)].map(({ url }) => url),
      env: {
        ...Object.fromEntries(variables),
        NODE_USE_ENV_PROXY: '1',
        NO_PROXY: '',
        NODE_EXTRA_CA_CERTS: trusted.path,
      },
    });
    const outcomes = JSON.parse(stdout) as AskedOnce[];
    const refused = {
      status: 503,
      retryAfter: expect.any(String),
      handled: [],
      events: [{ type: 'tls_failure', provider: 'nowgg' }],
    };
    const accepted = { status: 200, handled: ['guarded'], events: [] };
    const expected = [accepted, accepted, refused, refused, refused];
    expect(outcomes).toEqual([...expected, ...expected].map((outcome) => expect.objectContaining(outcome)));
    expect(proxy.connectionCount).toBe(0);
    expect(peers.map((peer) => peer.requests.length)).toEqual([2, 0, 0, 0, 2]);
    expect(stderr).toBe('');
  });
});

describe.each(platforms)('an unknown certificate authority on %s', (platform) => {
  it('is not a verdict but a security event, and gets no byte of a request', async () => {
    await using peer = await RawPeer.start({ tls: unknown.issue('IP:127.0.0.1') });
    await using app = await AppUnderTest.start(platform, { options: { baseUrl: peer.url } });
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    expect(app.securityEvents).toEqual([{ type: 'tls_failure', provider: 'nowgg' }]);
    expect(app.handled).toEqual([]);
    expect(peer.requests).toEqual([]);
  });
});
