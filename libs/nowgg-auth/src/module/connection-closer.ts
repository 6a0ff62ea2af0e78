import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { AxiosIdentityHttp } from '../identity/transport/axios-identity-http.js';
import { OPTIONAL_SHARED_CACHE, type SharedCache } from '../verification/cache/shared-cache.js';

/** Closes kept-alive connections after the application has served its last request. */
@Injectable()
export class ConnectionCloser implements OnApplicationShutdown {
  readonly #http: AxiosIdentityHttp;
  readonly #sharedCache: SharedCache | undefined;

  constructor(http: AxiosIdentityHttp, @Inject(OPTIONAL_SHARED_CACHE) sharedCache: SharedCache | undefined) {
    this.#http = http;
    this.#sharedCache = sharedCache;
  }

  async onApplicationShutdown(): Promise<void> {
    this.#http.close();
    await this.#sharedCache?.close();
  }
}
