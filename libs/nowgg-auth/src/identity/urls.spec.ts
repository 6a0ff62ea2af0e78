import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isSameIssuer, withoutTrailingSlash } from './urls.js';

const address = fc.array(fc.constantFrom('https://id.example', '/', '//', 'a', 'b', '')).map((parts) => parts.join(''));

it('slashes at the end of an address are cut, and no others', () => {
  fc.assert(
    fc.property(address, (url) => {
      const cut = withoutTrailingSlash(url);
      expect(cut.endsWith('/')).toBe(false);
      expect(url.startsWith(cut)).toBe(true);
      expect(url.slice(cut.length)).toBe('/'.repeat(url.length - cut.length));
    }),
  );
});

it('two issuers are the same when they differ in slashes at their ends only', () => {
  const pair = fc.oneof(
    fc.tuple(address, address),
    fc.tuple(address, fc.nat(3)).map(([url, slashes]): [string, string] => [url, url + '/'.repeat(slashes)]),
  );
  fc.assert(
    fc.property(pair, ([first, second]) => {
      expect(isSameIssuer(first, second)).toBe(withoutTrailingSlash(first) === withoutTrailingSlash(second));
    }),
  );
});
