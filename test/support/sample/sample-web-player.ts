import type { RunningSample, SampleAnswer } from './sample-app.js';

/** A browser as far as redirects and cookies go. Cookies know hosts, not ports, and everything here is one host. */
export class CookieBrowser {
  readonly #cookies = new Map<string, string>();

  get cookies(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Follows redirects. @returns the last address, and what it answered; `until` is not called itself */
  async go(
    start: string,
    { form, until }: { form?: Record<string, string>; until?: string } = {},
  ): Promise<{ address: string; status: number; text: string; headers: Headers }> {
    let address = start;
    let body = form && new URLSearchParams(form);
    for (let hop = 0; hop < 10; hop += 1) {
      const response = await fetch(address, {
        redirect: 'manual',
        headers: { cookie: this.cookies },
        ...(body && { method: 'POST', body }),
      });
      body = undefined;
      this.#keep(response.headers);
      const location = response.headers.get('location');
      const { status, headers } = response;
      const text = await response.text();
      if (location === null) return { address, status, text, headers };
      address = new URL(location, address).href;
      if (until !== undefined && address.startsWith(until)) return { address, status, text: '', headers };
    }
    throw new Error('too many redirects');
  }

  #keep(headers: Headers): void {
    for (const setCookie of headers.getSetCookie()) {
      const [pair = '', ...attributes] = setCookie.split(/;\s*/);
      const at = pair.indexOf('=');
      const isOver = attributes.some((item) => /^max-age=0$|^expires=thu, 01 jan 1970/i.test(item));
      if (isOver) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
  }
}

/** Brings a browser to the provider's form and back. @returns the address that it comes back to, with the code */
export async function comeBack(
  sample: RunningSample,
  form: Record<string, string>,
  browser = new CookieBrowser(),
): Promise<string> {
  const { address } = await browser.go(`${sample.url}/auth/web/authorize`);
  const back = await browser.go(address, { form, until: sample.url });
  return back.address;
}

/** Signs a web player in as the sample's page does it. */
export async function signInAtWeb(
  sample: RunningSample,
  name: string,
  browser = new CookieBrowser(),
): Promise<SampleAnswer> {
  const { search } = new URL(await comeBack(sample, { name }, browser));
  return sample.call('GET', `/auth/web/callback${search}`, { cookie: browser.cookies });
}
