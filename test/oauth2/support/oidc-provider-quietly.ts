/** Loads oidc-provider without its advice for production: it serves tests here. */
export async function oidcProvider(): Promise<typeof import('oidc-provider')> {
  for (const level of ['warn', 'info'] as const) {
    const write = console[level];
    console[level] = (...parts: unknown[]) => {
      if (!String(parts[0]).includes('oidc-provider')) write(...parts);
    };
  }
  return import('oidc-provider');
}
