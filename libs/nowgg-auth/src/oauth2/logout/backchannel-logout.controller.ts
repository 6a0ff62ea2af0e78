import {
  Body,
  Controller,
  Header,
  Headers,
  HttpCode,
  NotFoundException,
  Param,
  Post,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { InvalidRequestError } from '../../errors.js';
import { NowggAuthExceptionFilter } from '../../http/nowgg-auth.filter.js';
import { Public } from '../../http/policy/policy.decorators.js';
import { ownProperty } from '../../identity/claims.js';
import { DEFAULT_ROUTES_PATH, type NowggRoutesOptions } from '../../routes/routes-options.js';
import { BackchannelLogout } from './backchannel-logout.js';

const FORM = 'application/x-www-form-urlencoded';

/** Creates the route of back-channel logout: one class for each module, because a path belongs to a class. */
export function backchannelLogoutController({
  path = DEFAULT_ROUTES_PATH,
  guards = [],
}: NowggRoutesOptions = {}): Type<unknown> {
  @Public()
  @UseFilters(NowggAuthExceptionFilter)
  @UseGuards(...guards)
  @Controller(path)
  class NowggBackchannelLogoutController {
    constructor(private readonly logout: BackchannelLogout) {}

    /** 200 without a body when the sessions have ended, or had before. */
    @Post(':provider/backchannel-logout')
    @HttpCode(200)
    @Header('Cache-Control', 'no-store')
    async receive(
      @Param('provider') provider: string,
      @Headers('content-type') contentType: string | undefined,
      @Body() body: unknown,
    ): Promise<void> {
      if (!this.logout.serves(provider)) throw new NotFoundException();
      const [type = ''] = (contentType ?? '').split(';', 1);
      if (type.trim().toLowerCase() !== FORM) throw new InvalidRequestError(`the body must be ${FORM}`);
      const token = ownProperty(body, 'logout_token');
      if (typeof token !== 'string') throw new InvalidRequestError('logout_token must be given once');
      await this.logout.receive(provider, token);
    }
  }
  return NowggBackchannelLogoutController;
}
