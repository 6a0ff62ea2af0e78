export { graphql } from './graphql.js';
export { NowggGraphqlConnections, type OpeningConnection, type OperationSocket } from './held-operations.js';
export type { NowggErrorExtensions } from './operation-failure.js';
export { nowggGraphqlWs, nowggMercurius, type NowggConnectionOptions } from './subscription-options.js';
