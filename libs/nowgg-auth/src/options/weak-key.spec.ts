import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { weaknessOf } from './weak-key.js';
import { propertyRuns } from '../testing-support/property-runs.js';

const filled = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(32)]).subarray(0, 32);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('weaknessOf', () => {
  it.each([
    ['zero bytes', Buffer.alloc(32)],
    ['one byte over and over', Buffer.alloc(32, 0xa5)],
    ['hexadecimal text', Buffer.from('0123456789abcdef0123456789ABCDEF')],
    ['hexadecimal text of a random number', Buffer.from('9f86d081884c7d659a2feaa0c55ad015')],
    ['base64 of base64', Buffer.from(Buffer.alloc(24, 'correct horse battery').toString('base64'))],
    ['a pass phrase of 32 characters', Buffer.from('Correct horse battery staple 4.5')],
    ['a pass phrase filled up with zeros', filled('correct-horse-battery-staple')],
    ['a pass phrase with punctuation filled up with zeros', filled('p@ssw0rd! (production) #1&2')],
    ['a pass phrase behind zeros', Buffer.concat([Buffer.alloc(8), Buffer.from('correct-horse-battery-st')])],
    ['text of two bytes a character', Buffer.from('correct-horse-st', 'utf16le')],
    ['a short random number filled up with zeros', filled('\u00ff\u0001\u0083\u00c3\u0011\u00fe\u0092\u0007')],
    ['bytes that count up', Buffer.from(Array.from({ length: 32 }, (_, at) => at))],
    ['bytes that count down by three', Buffer.from(Array.from({ length: 32 }, (_, at) => 200 - 3 * at))],
    ['sixteen bytes twice', Buffer.from('00112233445566778899aabbccddeeff'.repeat(2), 'hex')],
  ])('finds %s', (_what, key) => {
    expect(weaknessOf(key)).toEqual(expect.any(String));
  });

  it('finds any pattern of up to sixteen bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 16 }), (pattern) => {
        const key = Buffer.from(Array.from({ length: 32 }, (_, at) => pattern[at % pattern.length] ?? 0));
        expect(weaknessOf(key)).toEqual(expect.any(String));
      }),
    );
  });

  it('finds any hexadecimal text, and names none of it', () => {
    fc.assert(
      fc.property(bytes(16), fc.boolean(), (number, upper) => {
        const text = Buffer.from(number).toString('hex');
        const found = weaknessOf(Buffer.from(upper ? text.toUpperCase() : text));
        expect(found).toBe('is text, such as hexadecimal digits or a pass phrase');
      }),
    );
  });

  it('finds nothing in random keys', () => {
    const keys = Array.from({ length: propertyRuns(20_000) }, () => randomBytes(32));
    expect(keys.filter((key) => weaknessOf(key) !== undefined)).toEqual([]);
  });
});
