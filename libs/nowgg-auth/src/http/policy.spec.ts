import { describe, expect, it } from '@jest/globals';
import { NowggConfigurationError } from '../errors.js';
import { NowggAuth, OptionalAuth, Public, RequireScopes } from './policy.decorators.js';
import { routePolicyOf } from './policy.js';

const policyOf = (controller: new () => object, method: string) =>
  routePolicyOf((controller.prototype as Record<string, object>)[method] as object, controller);

describe('routePolicyOf', () => {
  it('requires authentication where nothing is said', () => {
    class Plain {
      read() {}
    }
    expect(policyOf(Plain, 'read')).toEqual({
      access: 'required',
      onInvalid: 'reject',
      scopes: [],
      authentication: undefined,
    });
  });

  it('lets the handler decide as a whole: @RequireScopes cancels @Public of the class', () => {
    @Public()
    class Open {
      read() {}
      @RequireScopes('email') write() {}
    }
    expect(policyOf(Open, 'read').access).toBe('public');
    expect(policyOf(Open, 'write')).toMatchObject({ access: 'required', scopes: ['email'] });
  });

  it("drops the class's scopes and freshness where a handler says anything of its own", () => {
    @RequireScopes('email')
    @NowggAuth({ maxAgeMs: 0 })
    class Strict {
      read() {}
      @OptionalAuth() glance() {}
      @Public() open() {}
    }
    expect(policyOf(Strict, 'read')).toMatchObject({ scopes: ['email'], authentication: { maxAgeMs: 0 } });
    expect(policyOf(Strict, 'glance')).toMatchObject({ access: 'optional', scopes: [], authentication: undefined });
    expect(policyOf(Strict, 'open')).toMatchObject({ access: 'public', scopes: [] });
  });

  it('adds up decorators of one level', () => {
    class Both {
      @RequireScopes('email')
      @OptionalAuth({ onInvalid: 'anonymous' })
      @RequireScopes('profile', 'email')
      @NowggAuth({ tokenType: 'token' })
      @NowggAuth({ allowStale: false })
      read() {}
    }
    expect(policyOf(Both, 'read')).toEqual({
      access: 'optional',
      onInvalid: 'anonymous',
      scopes: ['profile', 'email'],
      authentication: { tokenType: 'token', allowStale: false },
    });
  });

  it('hands the policy of a class down, until a subclass says something of its own', () => {
    @Public()
    class Base {
      read() {}
    }
    class Inheriting extends Base {}
    @RequireScopes('email')
    class Tightened extends Base {}
    expect(policyOf(Inheriting, 'read').access).toBe('public');
    expect(policyOf(Tightened, 'read')).toMatchObject({ access: 'required', scopes: ['email'] });
    expect(policyOf(Base, 'read').access).toBe('public');
  });

  it('is the same object on every call, so that two guards recognise it', () => {
    class Plain {
      @RequireScopes('email') read() {}
    }
    expect(policyOf(Plain, 'read')).toBe(policyOf(Plain, 'read'));
  });
});

describe('policy decorators', () => {
  it.each([
    ['@Public beside @RequireScopes', [Public(), RequireScopes('email')]],
    ['@RequireScopes beside @Public', [RequireScopes('email'), Public()]],
    ['@Public beside @OptionalAuth', [Public(), OptionalAuth()]],
    ['@Public beside @NowggAuth', [Public(), NowggAuth({ maxAgeMs: 0 })]],
  ])('refuse %s: which one is meant cannot be known', (_, decorators) => {
    class Target {}
    expect(() => decorators.forEach((decorate) => decorate(Target))).toThrow(NowggConfigurationError);
  });

  it.each([
    { maxAgeMs: -1 },
    { maxAgeMs: Number.NaN },
    { maxAuthAgeMs: '5' },
    { tokenType: 'jwt' },
    { provider: '' },
    { maxAge: 5 },
  ])('refuse the policy %p', (policy) => expect(() => NowggAuth(policy as never)).toThrow(NowggConfigurationError));

  it.each(['', 'two words', 'quo"te', 'back\\slash', 'é'])('refuse the scope %j', (scope) => {
    expect(() => RequireScopes(scope)).toThrow(NowggConfigurationError);
  });

  it('refuse an unknown mode of @OptionalAuth', () => {
    expect(() => OptionalAuth({ onInvalid: 'ignore' as never })).toThrow(NowggConfigurationError);
  });
});
