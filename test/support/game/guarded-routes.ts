import {
  Controller,
  Get,
  Header,
  Headers,
  HttpCode,
  Inject,
  Injectable,
  Post,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import {
  NowggAccountService,
  NowggAuth,
  NowggAuthExceptionFilter,
  NowggAuthGuard,
  NowggPrincipal,
  NowggUser,
  OptionalAuth,
  Public,
  RequireScopes,
} from 'nestjs-nowgg-auth';

/** Names of the handlers that ran. */
@Injectable()
export class HandlerRuns {
  readonly names: string[] = [];
}

/** What a handler tells about its caller. */
function described(user: NowggPrincipal | undefined) {
  if (!user) return { anonymous: true };
  const { provider, userId, tokenType, scopes, claims } = user;
  const plain = [Object.prototype, null].includes(Object.getPrototypeOf(claims) as object | null);
  return { provider, userId, tokenType, scopes, claimNames: Object.keys(claims), plain, polluted: 'admin' in claims };
}

/** One route for each kind of protection. */
@Controller()
@UseGuards(NowggAuthGuard)
@UseFilters(NowggAuthExceptionFilter)
export class GuardedRoutes {
  constructor(
    @Inject(HandlerRuns) private readonly runs: HandlerRuns,
    @Inject(NowggAccountService) private readonly account: NowggAccountService,
  ) {}

  @Get('guarded')
  guarded(@NowggUser() user: NowggPrincipal) {
    return this.#ran('guarded', user);
  }

  @Post('guarded')
  @HttpCode(200)
  posted(@NowggUser() user: NowggPrincipal) {
    return this.#ran('posted', user);
  }

  @Get('admin')
  admin(@NowggUser() user: NowggPrincipal) {
    return this.#ran('admin', user);
  }

  @Get('tokens')
  @NowggAuth({ tokenType: 'token' })
  tokens(@NowggUser() user: NowggPrincipal) {
    return this.#ran('tokens', user);
  }

  @Get('id-tokens')
  @NowggAuth({ tokenType: 'id_token' })
  idTokens(@NowggUser() user: NowggPrincipal) {
    return this.#ran('id-tokens', user);
  }

  @Get('scoped')
  @RequireScopes('email')
  scoped(@NowggUser() user: NowggPrincipal) {
    return this.#ran('scoped', user);
  }

  @Get('optional')
  @OptionalAuth()
  optional(@NowggUser() user: NowggPrincipal | undefined) {
    return this.#ran('optional', user);
  }

  @Get('lenient')
  @OptionalAuth({ onInvalid: 'anonymous' })
  lenient(@NowggUser() user: NowggPrincipal | undefined) {
    return this.#ran('lenient', user);
  }

  @Get('open')
  @Public()
  open() {
    return this.#ran('open', undefined);
  }

  @Get('fresh')
  @NowggAuth({ maxAgeMs: 0 })
  fresh(@NowggUser() user: NowggPrincipal) {
    return this.#ran('fresh', user);
  }

  @Get('never-stale')
  @NowggAuth({ allowStale: false })
  neverStale(@NowggUser() user: NowggPrincipal) {
    return this.#ran('never-stale', user);
  }

  @Get('userinfo')
  @Public()
  @Header('X-Handler', 'userinfo')
  async userInfo(@Headers('x-token') token: string) {
    const info = await this.account.getUserInfo(token);
    this.runs.names.push('userinfo');
    return info;
  }

  @Get('sessioninfo')
  @Public()
  async sessionInfo(@Headers('x-token') token: string) {
    const info = await this.account.getSessionInfo(token);
    this.runs.names.push('sessioninfo');
    return info;
  }

  #ran(name: string, user: NowggPrincipal | undefined) {
    this.runs.names.push(name);
    return described(user);
  }
}
