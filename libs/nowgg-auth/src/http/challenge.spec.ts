import { describe, expect, it } from '@jest/globals';
import {
  IdentityUnavailableError,
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidGrantError,
  InvalidRequestError,
  InvalidTokenError,
  NowggConfigurationError,
  ReauthenticationRequiredError,
  WrongProviderError,
} from '../errors.js';
import { challengeFor, errorHeaders } from './challenge.js';

describe('challengeFor', () => {
  it('names no error when no credential came', () => {
    expect(challengeFor(new InvalidTokenError('missing_token'), 'game')).toBe('Bearer realm="game"');
  });

  it.each([
    'malformed_token',
    'invalid_token',
    'expired_token',
    'revoked_token',
    'wrong_client',
    'wrong_token_type',
  ] as const)('says invalid_token with a fixed description for %s', (reason) => {
    const error = new InvalidTokenError(reason);
    const expected = `Bearer realm="game", error="invalid_token", error_description="${error.message}"`;
    expect(challengeFor(error, 'game')).toBe(expected);
  });

  it('lists the scopes that a route requires', () => {
    expect(challengeFor(new InsufficientScopeError(['email', 'profile']), 'game')).toBe(
      'Bearer realm="game", error="insufficient_scope", ' +
        'error_description="the bearer token lacks a required scope", scope="email profile"',
    );
  });

  it.each([
    [300_000, '300'],
    [999, '0'],
  ])('asks for a sign-in within %i ms as RFC 9470 says', (maxAuthAgeMs, seconds) => {
    expect(challengeFor(new InsufficientUserAuthenticationError(maxAuthAgeMs), 'game')).toBe(
      'Bearer realm="game", error="insufficient_user_authentication", ' +
        `error_description="this needs a more recent sign-in of the player", max_age="${seconds}"`,
    );
  });

  it('is absent for a fault in the body or query', () => {
    expect(challengeFor(new InvalidRequestError('the body is not valid for this route'), 'game')).toBeUndefined();
  });

  it('says invalid_request for two credentials', () => {
    expect(challengeFor(new InvalidRequestError(), 'game')).toContain('error="invalid_request"');
  });

  it('gives a dead grant the challenge that a 401 must have, without blaming the access token', () => {
    expect(challengeFor(new ReauthenticationRequiredError(), 'game')).toBe('Bearer realm="game"');
  });

  it.each([
    new IdentityUnavailableError(3),
    new InvalidGrantError(),
    new NowggConfigurationError('x'),
    new WrongProviderError(),
  ])('sends no challenge with %s', (error) => expect(challengeFor(error, 'game')).toBeUndefined());

  it('lets no character of realm or message end the quoted string or the header', () => {
    expect(challengeFor(new InvalidTokenError('missing_token'), 'a"b\\c\r\nX: é')).toBe(
      'Bearer realm="a\\"b\\\\c??X: ?"',
    );
  });
});

describe('errorHeaders', () => {
  it('keeps every error out of caches', () => {
    expect(errorHeaders(new InvalidGrantError(), 'game')).toEqual([['Cache-Control', 'no-store']]);
  });

  it.each([
    [0, '1'],
    [12.2, '13'],
    [1e9, '60'],
    [Number.NaN, '1'],
  ])('bounds Retry-After: %p seconds become %s', (seconds, header) => {
    const headers = Object.fromEntries(errorHeaders(new IdentityUnavailableError(seconds), 'game'));
    expect(headers).toEqual({ 'Cache-Control': 'no-store', 'Retry-After': header });
  });
});
