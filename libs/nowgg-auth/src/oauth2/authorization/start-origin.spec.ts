import { describe, expect, it } from '@jest/globals';
import { startOriginOf } from './start-origin.js';

const OWN = 'https://game.example';
const PARTNER = 'https://www.partner.example';

describe('who started a sign-in', () => {
  it.each<[string, Record<string, string>, string]>([
    ['a page of this site', { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'document' }, 'this_site'],
    ['a page of a sibling host', { 'sec-fetch-site': 'same-site', referer: 'https://www.game.example/' }, 'this_site'],
    ['the player, by the address bar', { 'sec-fetch-site': 'none' }, 'this_site'],
    ['another site', { 'sec-fetch-site': 'cross-site', referer: 'https://evil.example/' }, 'another_site'],
    ['another site that hides its page', { 'sec-fetch-site': 'cross-site' }, 'another_site'],
    ['a redirect over another site', { 'sec-fetch-site': 'cross-site', referer: `${OWN}/` }, 'another_site'],
    ['an allowed site', { 'sec-fetch-site': 'cross-site', referer: `${PARTNER}/offers?x=1` }, 'this_site'],
    [
      'an image on an allowed site',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image', referer: PARTNER },
      'unproven',
    ],
    ['an image on a page of this site', { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'image' }, 'unproven'],
    ['a value that no browser sends', { 'sec-fetch-site': 'same-origin, cross-site' }, 'another_site'],
    ['a client without any of these headers', {}, 'unproven'],
    ['an older browser on a page of this site', { referer: `${OWN}/lobby` }, 'this_site'],
    ['an older browser on an allowed page', { referer: PARTNER }, 'this_site'],
    ['an older browser elsewhere', { referer: 'https://evil.example/?https://game.example/' }, 'another_site'],
    ['a page whose host begins alike', { referer: 'https://game.example.evil.example/' }, 'another_site'],
    ['a page of another port', { referer: 'https://game.example:8443/' }, 'another_site'],
    ['a page of another scheme', { referer: 'http://game.example/' }, 'another_site'],
    ['a page with the host as user', { referer: 'https://game.example@evil.example/' }, 'another_site'],
    ['a Referer that is not an address', { referer: 'game.example' }, 'unproven'],
  ])('is told of %s', (_name, headers, expected) => {
    expect(startOriginOf({ headers }, OWN, [PARTNER])).toBe(expected);
  });
});
