/** A request as it came over the wire. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly version: string;
  /** In the order of the wire, names as sent. */
  readonly headerLines: ReadonlyArray<readonly [string, string]>;
  readonly body: string;
  /** Counts the connections of the peer from 1: equal numbers came over one socket. */
  readonly connection: number;
}

/** Value of a header, by its name in any case; undefined when it is not there. */
export function headerOf(lines: RawRequest['headerLines'], name: string): string | undefined {
  return lines.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

/** The members of a JSON body. @throws SyntaxError when there is none */
export function jsonOf(request: { readonly body: string }): Record<string, unknown> {
  return JSON.parse(request.body) as Record<string, unknown>;
}

/** Cuts the bytes of one connection into requests. Knows `Content-Length` only, which is all that a client here needs. */
export class RequestReader {
  #buffered = Buffer.alloc(0);
  readonly #connection: number;

  constructor(connection: number) {
    this.#connection = connection;
  }

  *read(chunk: Buffer): Generator<RawRequest> {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    for (;;) {
      const end = this.#buffered.indexOf('\r\n\r\n');
      if (end < 0) return;
      const { headerLines, startLine } = parseHead(this.#buffered.subarray(0, end).toString('latin1'));
      const length = Number(headerOf(headerLines, 'content-length') ?? 0);
      if (this.#buffered.length < end + 4 + length) return;
      const body = this.#buffered.subarray(end + 4, end + 4 + length).toString('utf8');
      this.#buffered = this.#buffered.subarray(end + 4 + length);
      const [method = '', path = '', version = ''] = startLine.split(' ');
      yield { method, path, version, headerLines, body, connection: this.#connection };
    }
  }
}

/** The start line and the header lines of a message, as they stand. */
export function parseHead(head: string): { startLine: string; headerLines: [string, string][] } {
  const [startLine = '', ...lines] = head.split('\r\n');
  const headerLines = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { startLine, headerLines };
}
