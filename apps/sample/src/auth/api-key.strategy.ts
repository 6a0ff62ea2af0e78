import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import CustomStrategy from 'passport-custom';
import { SampleConfig } from '../config/sample-config.js';
import { isSameSecret } from './same-secret.js';

interface KeyedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What handlers get as `request.user` when the caller is a game server and not a player. */
export interface GameServer {
  readonly kind: 'game-server';
}

/** Admits the studio's own game servers, which send the key of the configuration as `X-Api-Key`. */
@Injectable()
export class ApiKeyStrategy extends PassportStrategy(CustomStrategy, 'api-key') {
  readonly #key: string | undefined;

  constructor({ gameServerKey }: SampleConfig) {
    super();
    this.#key = gameServerKey;
  }

  validate({ headers }: KeyedRequest): GameServer | false {
    const given = headers['x-api-key'];
    const isOurs = typeof given === 'string' && this.#key !== undefined && isSameSecret(given, this.#key);
    return isOurs && { kind: 'game-server' };
  }
}
