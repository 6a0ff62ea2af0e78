import { describe, expect, it } from '@jest/globals';
import { UseGuards } from '@nestjs/common';
import * as fc from 'fast-check';
import { NowggConfigurationError } from '../../errors.js';
import { NowggAuthGuard } from '../nowgg-auth.guard.js';
import { NowggAuth, OptionalAuth, Public, RequireScopes } from './policy.decorators.js';
import { routePolicyOf } from './policy.js';
import { propertyRuns } from '../../testing-support/property-runs.js';

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
      features: [],
      authentication: undefined,
      requirements: [],
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

  it('adds the demands of the class to those of the handler; only @Public drops them', () => {
    @RequireScopes('email')
    @NowggAuth({ maxAgeMs: 0, tokenType: 'token' })
    class Strict {
      read() {}
      @NowggAuth({ maxAgeMs: 5_000 }) relaxed() {}
      @RequireScopes('profile') wider() {}
      @OptionalAuth() glance() {}
      @Public() open() {}
    }
    expect(policyOf(Strict, 'read')).toMatchObject({ scopes: ['email'], authentication: { maxAgeMs: 0 } });
    const relaxed = { scopes: ['email'], authentication: { maxAgeMs: 5_000, tokenType: 'token' } };
    expect(policyOf(Strict, 'relaxed')).toMatchObject({ access: 'required', ...relaxed });
    const wider = { scopes: ['email', 'profile'], authentication: { maxAgeMs: 0, tokenType: 'token' } };
    expect(policyOf(Strict, 'wider')).toMatchObject({ access: 'required', ...wider });
    expect(policyOf(Strict, 'glance')).toMatchObject({ access: 'optional', scopes: ['email'] });
    expect(policyOf(Strict, 'open')).toMatchObject({ access: 'public', scopes: [], authentication: undefined });
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
      features: [],
      authentication: { tokenType: 'token', allowStale: false },
      requirements: [],
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

  it('requires a token where a controller or a handler below a @Public() parent bears a guard of ours', () => {
    @Public()
    class Base {
      read() {}
    }
    @UseGuards(NowggAuthGuard)
    class GuardedChild extends Base {
      secret() {}
      @Public() open() {}
    }
    class OwnGuard extends NowggAuthGuard {}
    class Handlers extends Base {
      @UseGuards(OwnGuard) secret() {}
      override read() {}
    }
    class GrandChild extends GuardedChild {}
    for (const method of ['read', 'secret']) expect(policyOf(GuardedChild, method).access).toBe('required');
    expect(policyOf(GuardedChild, 'open').access).toBe('public');
    expect(policyOf(GrandChild, 'secret').access).toBe('required');
    expect(policyOf(Handlers, 'secret').access).toBe('required');
    expect(policyOf(Base, 'read').access).toBe('public');
  });

  it('keeps what an overridden method demands, and opens nothing that it opened', () => {
    class Base {
      @RequireScopes('admin') write() {}
      @Public() open() {}
    }
    @RequireScopes('email')
    class Child extends Base {
      override write() {}
      override open() {}
    }
    expect(policyOf(Child, 'write')).toMatchObject({ access: 'required', scopes: ['email', 'admin'] });
    expect(policyOf(Child, 'open')).toMatchObject({ access: 'required', scopes: ['email'] });
    expect(policyOf(Base, 'open').access).toBe('public');
  });

  it('is the same object on every call, so that two guards recognise it', () => {
    class Plain {
      @RequireScopes('email') read() {}
    }
    expect(policyOf(Plain, 'read')).toBe(policyOf(Plain, 'read'));
  });
});

/** What a level of the matrix bears. */
const LEVELS = {
  nothing: [],
  guard: [UseGuards(NowggAuthGuard)],
  public: [Public()],
  optional: [OptionalAuth()],
  lenient: [OptionalAuth({ onInvalid: 'anonymous' })],
  scopes: [RequireScopes('a')],
  moreScopes: [RequireScopes('b', 'c')],
  freshness: [NowggAuth({ maxAgeMs: 0 })],
  kind: [NowggAuth({ tokenType: 'id_token', maxAgeMs: 9 })],
  both: [RequireScopes('d'), NowggAuth({ allowStale: false })],
} as const;
type LevelName = keyof typeof LEVELS;
const DEMANDS: Partial<Record<LevelName, { scopes?: string[]; fields?: object }>> = {
  scopes: { scopes: ['a'] },
  moreScopes: { scopes: ['b', 'c'] },
  freshness: { fields: { maxAgeMs: 0 } },
  kind: { fields: { tokenType: 'id_token', maxAgeMs: 9 } },
  both: { scopes: ['d'], fields: { allowStale: false } },
};

/** The rule once more, as plainly as it can be said: levels from the parent class down to the handler. */
function expectedPolicy(levels: readonly { readonly bears: LevelName; readonly demandsOnly?: boolean }[]) {
  const lastPublic = levels.findLastIndex(({ bears, demandsOnly }) => bears === 'public' && !demandsOnly);
  const below = levels.slice(lastPublic + 1).filter(({ bears }) => bears !== 'nothing');
  const demands = below.map(({ bears }) => DEMANDS[bears] ?? {});
  const fields = demands.flatMap((demand) => (demand.fields ? [demand.fields] : []));
  const counts = below.filter(({ bears, demandsOnly }) =>
    demandsOnly ? DEMANDS[bears] !== undefined : bears !== 'guard' || lastPublic >= 0,
  );
  const access = below
    .filter(({ bears, demandsOnly }) => (demandsOnly ? DEMANDS[bears] !== undefined : bears !== 'guard'))
    .at(-1)?.bears;
  const isOptional = access === 'optional' || access === 'lenient';
  return {
    access: lastPublic >= 0 && counts.length === 0 ? 'public' : isOptional ? 'optional' : 'required',
    scopes: new Set(demands.flatMap((demand) => demand.scopes ?? [])),
    authentication: fields.length === 0 ? undefined : (Object.assign({}, ...fields) as object),
  };
}

describe('the matrix of parent, class, overridden method and handler', () => {
  const level = fc.constantFrom(...(Object.keys(LEVELS) as LevelName[]));
  const bear = (target: object, name: LevelName, key?: string) => {
    for (const decorate of LEVELS[name] as readonly (ClassDecorator & MethodDecorator)[]) {
      const descriptor = key === undefined ? undefined : Object.getOwnPropertyDescriptor(target, key);
      if (key === undefined) decorate(target as never);
      else decorate(target, key, descriptor as PropertyDescriptor);
    }
  };

  it('follows the rule of the README', () => {
    fc.assert(
      fc.property(level, level, level, level, fc.boolean(), (parent, child, overridden, handler, overrides) => {
        class Parent {
          read() {}
        }
        class Child extends Parent {}
        if (overrides)
          Object.defineProperty(Child.prototype, 'read', { value() {}, configurable: true, writable: true });
        bear(Parent, parent);
        bear(Child, child);
        if (overrides) bear(Parent.prototype, overridden, 'read');
        bear(overrides ? Child.prototype : Parent.prototype, handler, 'read');
        const method = Reflect.get(Child.prototype, 'read') as object;
        const { access, scopes, authentication } = routePolicyOf(method, Child);
        const levels = [{ bears: parent }, { bears: child }];
        const methods = [...(overrides ? [{ bears: overridden, demandsOnly: true }] : []), { bears: handler }];
        const expected = expectedPolicy([...levels, ...methods]);
        expect({ access, scopes: new Set(scopes), authentication }).toEqual(expected);
      }),
      { numRuns: propertyRuns(2_000) },
    );
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
