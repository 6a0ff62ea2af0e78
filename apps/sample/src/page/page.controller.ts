import { Controller, Get, Header, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { Public } from 'nestjs-nowgg-auth';
import { PageConfig } from './page-config.js';
import { readPageFiles } from './page-files.js';
import { pageHeaders } from './page-headers.js';

/** What both platforms' replies have. */
interface Reply {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

interface PageRequest {
  readonly headers: { readonly host?: string | undefined };
  readonly url: string;
}

const loopbackHost = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/;

/** The page: plain files, nothing of a request in them. */
@Public()
@Controller()
export class PageController {
  readonly #files = readPageFiles();
  readonly #config: PageConfig;

  constructor(config: PageConfig) {
    this.#config = config;
  }

  /** Also where sign-ins come back to, with an answer in the query that the page takes in. */
  @Get(['/', 'sign-in/web', 'sign-in/nowgg'])
  index(@Req() request: PageRequest, @Res({ passthrough: true }) reply: Reply): string {
    const elsewhere = this.#canonicalAddress(request);
    if (elsewhere === undefined) return this.#send('page/index.html', reply);
    reply.header('Location', elsewhere);
    reply.status(302);
    return '';
  }

  @Get('admin')
  admin(@Res({ passthrough: true }) reply: Reply): string {
    if (!this.#config.isDevelopment) throw new NotFoundException();
    return this.#send('page/admin.html', reply);
  }

  @Get('favicon.ico')
  icon(@Res({ passthrough: true }) reply: Reply): string {
    return this.#send('page/icon.svg', reply);
  }

  /** What the page has to know of the set-up. No secret. */
  @Get('page/configuration.json')
  @Header('Cache-Control', 'no-store')
  configuration(): PageConfig {
    return this.#config;
  }

  @Get('page/:name')
  pageFile(@Param('name') name: string, @Res({ passthrough: true }) reply: Reply): string {
    return this.#send(`page/${name}`, reply);
  }

  /** The session client, as its package publishes it. */
  @Get('client/:name')
  clientFile(@Param('name') name: string, @Res({ passthrough: true }) reply: Reply): string {
    return this.#send(`client/${name}`, reply);
  }

  #send(key: string, reply: Reply): string {
    const file = this.#files.get(key);
    if (!file) throw new NotFoundException();
    for (const [name, value] of pageHeaders) reply.header(name, value);
    reply.header('Content-Type', file.type);
    return file.text;
  }

  /** One name of this machine is as good as another, but sessions and sign-ins of browsers belong to one of them. */
  #canonicalAddress({ headers: { host = '' }, url }: PageRequest): string | undefined {
    const { host: ours } = new URL(this.#config.publicUrl);
    const isSame = host === ours || !loopbackHost.test(host) || !loopbackHost.test(ours);
    if (isSame) return undefined;
    const { pathname, search } = new URL(url, this.#config.publicUrl);
    return `${this.#config.publicUrl}${pathname}${search}`;
  }
}
