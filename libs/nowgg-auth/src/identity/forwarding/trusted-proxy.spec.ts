import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { faultsOf } from '../../rules.js';
import { TRUSTED_PROXY_RULES, TrustedProxy } from './trusted-proxy.js';

const SECRET = 's'.repeat(32);
const faults = (options: object) => faultsOf(TRUSTED_PROXY_RULES, options, 'forwarded.');

describe('the peers of a proxy', () => {
  it.each<[string, readonly string[], string | undefined, boolean]>([
    ['an address', ['10.1.2.3'], '10.1.2.3', true],
    ['another address', ['10.1.2.3'], '10.1.2.4', false],
    ['an IPv4 address over IPv6', ['10.1.2.3'], '::ffff:10.1.2.3', true],
    ['the same in capitals', ['10.1.2.3'], '::FFFF:10.1.2.3', true],
    ['another one over IPv6', ['10.1.2.3'], '::ffff:10.1.2.4', false],
    ['an address in a range', ['10.1.0.0/16'], '10.1.255.1', true],
    ['an address beside it', ['10.1.0.0/16'], '10.2.0.1', false],
    ['another spelling of an IPv6 address', ['0:0:0:0:0:0:0:1'], '::1', true],
    ['a link-local address with a zone', ['fe80::1'], 'fe80::1%eth0', true],
    ['loopback of the other family', ['127.0.0.1'], '::1', false],
    ['an address that begins alike', ['10.1.2.3'], '10.1.2.30', false],
    ['a unix socket that is not listed', ['127.0.0.1'], undefined, false],
    ['a unix socket', ['unix'], undefined, true],
    ['an address where only unix is listed', ['unix'], '127.0.0.1', false],
    ['no address at all', ['0.0.0.0/0'], '', false],
    ['something else', ['0.0.0.0/0'], 'localhost', false],
  ])('are compared by value: %s', (_what, peers, address, isPeer) => {
    expect(new TrustedProxy({ peers }).isPeer(address)).toBe(isPeer);
  });

  it('of one host are that host and no other', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (listed, address) => {
        const proxy = new TrustedProxy({ peers: [listed] });
        expect([proxy.isPeer(address), proxy.isPeer(`::ffff:${address}`)]).toEqual([
          address === listed,
          address === listed,
        ]);
      }),
    );
  });
});

describe('the secret of a proxy', () => {
  const proxy = new TrustedProxy({ peers: ['unix'], secret: [SECRET, 'o'.repeat(32)] });

  it.each<[string, readonly string[], boolean]>([
    ['the new one', [SECRET], true],
    ['the old one', ['o'.repeat(32)], true],
    ['none', [], false],
    ['an empty one', [''], false],
    ['a part of it', [SECRET.slice(1)], false],
    ['more than it', [`${SECRET}s`], false],
    ['both', [SECRET, 'o'.repeat(32)], false],
    ['the same twice', [SECRET, SECRET], false],
    ['another case', [SECRET.toUpperCase()], false],
  ])('is needed exactly once: %s', (_what, sent, isRight) => {
    expect(proxy.hasSecret(sent)).toBe(isRight);
  });

  it('is not needed where none is configured', () => {
    expect(new TrustedProxy({ peers: ['10.0.0.1'] }).hasSecret([])).toBe(true);
  });
});

describe('the options of a proxy', () => {
  it.each<[object]>([
    [{ peers: ['10.0.0.1'] }],
    [{ peers: ['10.0.0.1/32', '::1/128'] }],
    [{ peers: ['10.0.0.0/8', 'unix'], secret: SECRET, secretHeader: 'x-edge' }],
    [{ peers: ['::1'], secret: [SECRET, SECRET] }],
  ])('are good: %j', (options) => {
    expect(faults(options)).toEqual([]);
  });

  it.each<[string, object]>([
    ['forwarded.peers', {}],
    ['forwarded.peers', { peers: [] }],
    ['forwarded.peers', { peers: '10.0.0.1' }],
    ['forwarded.peers', { peers: ['proxy.example'] }],
    ['forwarded.peers', { peers: ['10.0.0.1/33'], secret: SECRET }],
    ['forwarded.peers', { peers: ['10.0.0.1/'], secret: SECRET }],
    ['forwarded.peers', { peers: ['10.0.0.1/8/8'], secret: SECRET }],
    ['forwarded.peers', { peers: ['::ffff:10.0.0.1'] }],
    ['forwarded.peers', { peers: ['fe80::1%eth0'] }],
    ['forwarded.peers with a range or unix needs a secret', { peers: ['10.0.0.0/8'] }],
    ['forwarded.peers with a range or unix needs a secret', { peers: ['::1', 'unix'] }],
    ['forwarded.secret', { peers: ['10.0.0.1'], secret: 'short' }],
    ['forwarded.secret', { peers: ['10.0.0.1'], secret: '' }],
    ['forwarded.secret', { peers: ['10.0.0.1'], secret: [] }],
    ['forwarded.secret', { peers: ['10.0.0.1'], secret: [SECRET, `${SECRET} `] }],
    ['forwarded.secretHeader', { peers: ['10.0.0.1'], secretHeader: 'X-Edge' }],
    ['unknown option forwarded.peer', { peers: ['10.0.0.1'], peer: '10.0.0.1' }],
  ])('name %s when it is at fault, and no value', (name, options) => {
    const found = faults(options).join('; ');
    expect(found).toContain(name);
    expect(found).not.toMatch(/ssss|proxy\.example/);
  });
});
