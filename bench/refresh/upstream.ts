import { Agent, request as httpRequest } from 'node:http';

export interface Presented {
  readonly kind: 'code' | 'refresh';
  readonly value: string;
}

export interface IssuedTokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
}

const agent = new Agent({ keepAlive: true });

/** Asks the token endpoint, in the same way for all variants. @returns undefined when refused @throws when it fails */
export function askUpstream(
  url: string,
  presented: Presented,
  signal?: AbortSignal,
): Promise<IssuedTokens | undefined> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', agent, ...(signal && { signal }) };
    const request = httpRequest(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const isGood = response.statusCode === 200;
        resolve(isGood ? (JSON.parse(Buffer.concat(chunks).toString()) as IssuedTokens) : undefined);
      });
    });
    request.on('error', reject);
    request.end(JSON.stringify(presented));
  });
}
