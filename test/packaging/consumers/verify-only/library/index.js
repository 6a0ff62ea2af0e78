// A library of CommonJS modules that uses the package: an error filter, and a service with an injected class.
const { Inject } = require('@nestjs/common');
const { InvalidTokenError, NowggAuthenticator } = require('nestjs-nowgg-auth');
const { graphql } = require('nestjs-nowgg-auth/graphql');

class Doorkeeper {
  constructor(authenticator) {
    this.authenticator = authenticator;
  }

  isInvalidToken(error) {
    return error instanceof InvalidTokenError;
  }
}
Inject(NowggAuthenticator)(Doorkeeper, undefined, 0);

module.exports = { Doorkeeper, graphql };
