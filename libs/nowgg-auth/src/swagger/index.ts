export { applyNowggSecurity, type NowggSecurityOptions, type OpenApiDocument } from './apply-nowgg-security.js';
