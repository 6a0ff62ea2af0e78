import { randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from '@jest/globals';
import { NowggConfigurationError } from '../errors.js';
import { NOWGG_SECURITY_CHANNEL } from '../events/security-events.js';
import { redisSharedCache } from './redis-shared-cache-wiring.js';
import { ownSealingKey, requireSealingKey } from './sealing-key.js';

const key = randomBytes(32).toString('base64');
const sixteen = randomBytes(16);
const bad: [string, unknown][] = [
  ['is too short', randomBytes(31).toString('base64')],
  ['is too long', randomBytes(33).toString('base64')],
  ['is hexadecimal', randomBytes(32).toString('hex')],
  ['is base64url', `${'-_'.repeat(21)}A=`],
  ['has spare bits', `${'A'.repeat(42)}B=`],
  ['is not a text', 7],
  ['is empty', ''],
  ['holds equal bytes', Buffer.alloc(32, 7).toString('base64')],
  ['holds hexadecimal text', Buffer.from(randomBytes(16).toString('hex')).toString('base64')],
  ['holds upper-case hexadecimal text', Buffer.from(randomBytes(16).toString('hex').toUpperCase()).toString('base64')],
  ['holds a pass phrase', Buffer.from('correct horse battery staple 123').toString('base64')],
  ['repeats 16 bytes', Buffer.concat([sixteen, sixteen]).toString('base64')],
  ['counts', Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('base64')],
];

describe('the key of the shared cache', () => {
  it.each(bad)('is refused when it %s, without repeating it', (_, given) => {
    expect(() => ownSealingKey(given)).toThrow(NowggConfigurationError);
    expect(() => ownSealingKey(given)).toThrow(
      /^redisSharedCache key (?:must be 32 bytes in base64|(?:is text, such as hexadecimal digits or a pass phrase|has too few different bytes|repeats a pattern|counts up or down): use 32 random bytes, for example from openssl rand -base64 32)$/,
    );
    expect(() => redisSharedCache({ url: 'redis://localhost', key: given as string })).toThrow(NowggConfigurationError);
  });

  it('is announced when it is weak, by the rule that it breaks', () => {
    const events: unknown[] = [];
    const listen = (event: unknown) => void events.push(event);
    subscribe(NOWGG_SECURITY_CHANNEL, listen);
    expect(() => ownSealingKey(Buffer.alloc(32).toString('base64'))).toThrow(NowggConfigurationError);
    unsubscribe(NOWGG_SECURITY_CHANNEL, listen);
    expect(events).toEqual([{ type: 'refused_key', detail: 'redisSharedCache key has too few different bytes' }]);
  });

  it('seals alike in every process that has it, and never as it was given', () => {
    expect(ownSealingKey(key)).toEqual(ownSealingKey(key));
    expect(ownSealingKey(key)).toHaveLength(32);
    expect(ownSealingKey(key)).not.toEqual(Buffer.from(key, 'base64'));
    expect(ownSealingKey(undefined)).toBeUndefined();
  });

  it('is needed, and the refusal shows what to write', () => {
    expect(() => requireSealingKey(undefined)).toThrow(/tokens\.encryptionKeys.*redisSharedCache\(\{ url, key \}\)/);
  });
});

it.each([
  [{ url: 'redis://localhost', keys: key }, 'unknown option redisSharedCache keys'],
  [{ useFactory: 'redis://localhost' }, 'redisSharedCache useFactory must be a function'],
  [{ useFactory: () => ({ url: 'redis://localhost' }), inject: 'Redis' }, 'redisSharedCache inject must be an array'],
  [
    { url: 5, key: 'x' },
    'redisSharedCache key must be 32 bytes in base64; redisSharedCache needs a url or a useFactory',
  ],
  [undefined, 'redisSharedCache must be an object'],
])('the shared cache refuses %j', (options, faults) => {
  expect(() => redisSharedCache(options as never)).toThrow(new NowggConfigurationError(faults));
});
