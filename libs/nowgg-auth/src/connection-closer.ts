import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { AxiosIdentityHttp } from './identity/axios-identity-http.js';

/** Closes kept-alive connections to the identity systems once the application has served its last request. */
@Injectable()
export class ConnectionCloser implements OnApplicationShutdown {
  constructor(private readonly http: AxiosIdentityHttp) {}

  onApplicationShutdown(): void {
    this.http.close();
  }
}
