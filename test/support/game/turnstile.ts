import { type CanActivate, HttpException, Injectable } from '@nestjs/common';

/** A stand-in for a rate limiter that a test can close. */
@Injectable()
export class Turnstile implements CanActivate {
  static isClosed = false;

  canActivate(): boolean {
    if (Turnstile.isClosed) throw new HttpException('too many', 429);
    return true;
  }
}
