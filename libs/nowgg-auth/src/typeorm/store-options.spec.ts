import { expect, it } from '@jest/globals';
import { NowggConfigurationError } from '../errors.js';
import { typeOrmRevocationStore, typeOrmTokenStore } from './index.js';

it.each([
  ['unknown option typeOrmTokenStore poolsize', () => typeOrmTokenStore({ poolsize: 4 } as never)],
  ['typeOrmTokenStore poolSize must be a whole number, 0 to 10,000', () => typeOrmTokenStore({ poolSize: -1 })],
  [
    'typeOrmTokenStore poolSize must be a whole number, 0 to 10,000',
    () => typeOrmTokenStore({ poolSize: '4' as never }),
  ],
  ['unknown option typeOrmTokenStore notify', () => typeOrmTokenStore({ notify: false } as never)],
  ['typeOrmRevocationStore notify must be true or false', () => typeOrmRevocationStore({ notify: 'no' as never })],
])('a store in PostgreSQL is refused: %s', (fault, define) => {
  expect(define).toThrow(new NowggConfigurationError(fault));
});

it('a store in PostgreSQL takes its options', () => {
  expect(() => typeOrmTokenStore()).not.toThrow();
  expect(() => typeOrmRevocationStore({ dataSource: 'games', poolSize: 0, notify: true })).not.toThrow();
});
