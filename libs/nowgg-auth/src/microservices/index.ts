export { microservices, type NowggMicroservicesOptions } from './microservices.js';
export type { NowggRpcError } from './message-failure.js';
