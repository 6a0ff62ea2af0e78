import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  Optional,
} from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import CustomStrategy from 'passport-custom';
import { errorOfRefusal, errorOfUnknown, InvalidRequestError } from '../errors.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import type { NowggPrincipal } from '../principal.js';
import { publishSecurityEvent } from '../events/security-events.js';
import type { Verdict } from '../verification/decision/verdict.js';
import { HeldToken } from '../verification/held-token.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { type Authentication, recordAuthentication } from './authentication.js';
import { readCredential } from './credential.js';
import type { GuardedRequest } from './transport.js';
import { claimPassportName, holdPassportName, releasePassportName, yieldPassportName } from './passport-names.js';

/** DI token of the name under which Passport knows a module's strategy. */
export const STRATEGY_NAME = Symbol('nestjs-nowgg-auth:strategy-name');

interface PassportRegistry {
  use(name: string, strategy: object): unknown;
  unuse(name: string): unknown;
}

interface StrategyBase {
  getPassportInstance(): PassportRegistry;
}

// Typed by hand: the inferred type names packages that consumers may not have installed.
const Base = PassportStrategy(CustomStrategy) as unknown as new () => StrategyBase;

/**
 * Passport strategy on the module's authenticator, for chains such as `AuthGuard(['nowgg', 'jwt'])`. A missing or
 * invalid token lets the next strategy try. When the identity system cannot be asked, the chain ends with a 503,
 * because the token may be valid. Two credentials at once end it with a 400.
 *
 * Passport does not tell a strategy about the route. Only `NowggAuthGuard` reads `@Public`, `@OptionalAuth`,
 * `@RequireScopes` and `@NowggAuth`; an application with one of them on a route of `AuthGuard` refuses to boot.
 *
 * @example
 * ```ts
 * import { Controller, Get, UseGuards } from '@nestjs/common';
 * import { AuthGuard } from '@nestjs/passport';
 * import { NowggUser } from 'nestjs-nowgg-auth';
 *
 * @Controller('friends')
 * @UseGuards(AuthGuard(['nowgg', 'jwt']))
 * export class FriendsController {
 *   @Get()
 *   list(@NowggUser('userId') userId: string | undefined) {
 *     return { userId }; // undefined when the strategy `jwt` admitted the caller
 *   }
 * }
 * ```
 */
@Injectable()
export class NowggStrategy extends Base implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  /** The name that guards ask Passport for. Global to the process: see the module's `strategyName`. */
  readonly name: string;
  /** Injected into the property, so that the constructors of subclasses need not pass it on. */
  @Optional()
  @Inject(RESOLVED_OPTIONS)
  protected readonly options?: ResolvedNowggAuthOptions;

  constructor(
    private readonly authenticator: NowggAuthenticator,
    @Inject(STRATEGY_NAME) name: string,
  ) {
    super();
    this.name = name;
    claimPassportName(name, this);
    super.getPassportInstance().use(name, this);
  }

  /** Prevents the base class, whose constructor runs before the name is set, from registering this strategy. */
  override getPassportInstance(): PassportRegistry {
    return { use: () => undefined, unuse: () => undefined };
  }

  /**
   * @returns the caller; false lets the next strategy try
   * @throws IdentityUnavailableError when the identity system could not be asked
   * @throws UserBannedError when the player is banned
   * @throws InvalidRequestError for two credentials
   */
  async validate(request: GuardedRequest): Promise<NowggPrincipal | false> {
    const { principal, hold } = await this.findCaller(request);
    recordAuthentication({ request, by: this.authenticator, policy: undefined, principal, hold });
    return principal ?? false;
  }

  onApplicationBootstrap(): void {
    holdPassportName(this.name, this);
  }

  onModuleDestroy(): void {
    yieldPassportName(this.name, this);
  }

  onApplicationShutdown(): void {
    if (releasePassportName(this.name, this)) super.getPassportInstance().unuse(this.name);
  }

  private async findCaller(request: GuardedRequest): Promise<Pick<Authentication, 'principal' | 'hold'>> {
    const forwarded = await this.authenticator.forwardedCallers?.authenticate(request);
    if (forwarded !== undefined) return { principal: callerOf(forwarded) };
    const credential = readCredential(request, this.options?.credentials.extract);
    if (credential.outcome === 'ambiguous') {
      publishSecurityEvent({ type: 'two_credentials' });
      throw new InvalidRequestError();
    }
    if (credential.outcome !== 'token') return { principal: undefined };
    const { token } = credential;
    return { principal: callerOf(await this.authenticator.authenticate(token)), hold: () => new HeldToken(token) };
  }
}

function callerOf(verdict: Verdict): NowggPrincipal | undefined {
  if (verdict.status === 'unknown') throw errorOfUnknown(verdict);
  // The token is one of this module: no other strategy can take it.
  if (verdict.status === 'invalid' && verdict.reason === 'user_banned') throw errorOfRefusal(verdict);
  return verdict.status === 'valid' ? verdict.principal : undefined;
}
