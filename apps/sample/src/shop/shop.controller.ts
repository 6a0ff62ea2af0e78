import { Body, Controller, Get, Post } from '@nestjs/common';
import { NowggAuth, NowggPrincipal, NowggUser, Public } from 'nestjs-nowgg-auth';
import { catalogue, type Item } from './catalogue.js';
import { PurchaseBody } from './shop.dto.js';
import { type PurchaseView, ShopService } from './shop.service.js';

@Controller('shop')
export class ShopController {
  readonly #shop: ShopService;

  constructor(shop: ShopService) {
    this.#shop = shop;
  }

  @Public()
  @Get('items')
  items(): readonly Item[] {
    return catalogue;
  }

  /** Spends coins, so now.gg is asked now: no remembered answer is used, not even in an outage. */
  @Post('purchases')
  @NowggAuth({ maxAgeMs: 0, allowStale: false })
  buy(@NowggUser() caller: NowggPrincipal, @Body() { purchaseId, item }: PurchaseBody): Promise<PurchaseView> {
    return this.#shop.buy(caller, purchaseId, item);
  }
}
