/** A browser as far as redirects and cookies go. Addresses of the game's own site are not called: it stops there. */
export class Browser {
  readonly #jars = new Map<string, Map<string, string>>();

  /** Sets a cookie as a `Set-Cookie` header for this address would. */
  keep(address: string, setCookie: string): void {
    const [pair = '', ...attributes] = setCookie.split(/;\s*/);
    const at = pair.indexOf('=');
    const jar = this.#jarOf(address);
    const expired = attributes.some((item) => /^max-age=0$/i.test(item) || /^expires=thu, 01 jan 1970/i.test(item));
    if (expired) jar.delete(pair.slice(0, at));
    else jar.set(pair.slice(0, at), pair.slice(at + 1));
  }

  /** The `Cookie` header for this address. */
  cookies(address: string): string | undefined {
    const pairs = [...this.#jarOf(address)].map(([name, value]) => `${name}=${value}`);
    return pairs.length === 0 ? undefined : pairs.join('; ');
  }

  /** Follows redirects until one leads to the game's site, and returns that address. */
  async go(start: string): Promise<string> {
    let address = start;
    for (let hop = 0; hop < 10; hop += 1) {
      if (new URL(address).hostname === 'game.example') return address;
      const cookie = this.cookies(address);
      const response = await fetch(address, {
        redirect: 'manual',
        ...(cookie !== undefined && { headers: { cookie } }),
      });
      for (const setCookie of response.headers.getSetCookie()) this.keep(address, setCookie);
      const location = response.headers.get('location');
      if (location === null) throw new Error(`no redirect but ${response.status}: ${await response.text()}`);
      await response.body?.cancel();
      address = new URL(location, address).href;
    }
    throw new Error('too many redirects');
  }

  #jarOf(address: string): Map<string, string> {
    const { hostname } = new URL(address);
    const jar = this.#jars.get(hostname) ?? new Map<string, string>();
    this.#jars.set(hostname, jar);
    return jar;
  }
}
