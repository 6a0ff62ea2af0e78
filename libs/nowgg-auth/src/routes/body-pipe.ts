import { type ArgumentMetadata, Injectable, type PipeTransform, ValidationPipe } from '@nestjs/common';
import { InvalidRequestError } from '../errors.js';
import { isRecord } from '../rules.js';

/**
 * Checks a route's body. Its errors do not say what was wrong, because a body contains credentials. All fields are
 * strings and numbers: nested values are refused before the validator, which would descend into them, sees them.
 */
@Injectable()
export class RoutesBodyPipe implements PipeTransform {
  readonly #validation = new ValidationPipe({ transform: true, whitelist: true, exceptionFactory: () => refusal() });

  async transform(body: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (!isRecord(body)) throw refusal();
    if (Object.values(body).some((value) => typeof value === 'object' && value !== null)) throw refusal();
    return this.#validation.transform(body, metadata);
  }
}

function refusal(): InvalidRequestError {
  return new InvalidRequestError('the body is not valid for this route');
}
