import { Controller, Get, Header, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { Public } from 'nestjs-nowgg-auth';
import { PageConfig } from './page-config.js';
import { readPageFiles } from './page-files.js';
import { pageHeaders } from './page-headers.js';

/** The part that the replies of both platforms share. */
interface Reply {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

interface PageRequest {
  readonly headers: { readonly host?: string | undefined };
  readonly url: string;
}

const loopbackHost = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/;

/** Serves the page: plain files that contain nothing of a request. */
@Public()
@Controller()
export class PageController {
  readonly #files = readPageFiles();
  readonly #config: PageConfig;

  constructor(config: PageConfig) {
    this.#config = config;
  }

  /** Serves the page, also for sign-ins that return with an answer in the query, which the page reads. */
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

  /** The configuration that the page needs, without secrets. */
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

  /** All names of this machine lead to the app, but sessions and sign-ins of browsers belong to one of them. */
  #canonicalAddress({ headers: { host = '' }, url }: PageRequest): string | undefined {
    const { host: ours } = new URL(this.#config.publicUrl);
    const isSame = host === ours || !loopbackHost.test(host) || !loopbackHost.test(ours);
    if (isSame) return undefined;
    const { pathname, search } = new URL(url, this.#config.publicUrl);
    return `${this.#config.publicUrl}${pathname}${search}`;
  }
}
