import { describe, expect, it } from '@jest/globals';
import { type ExecutionContext, ForbiddenException } from '@nestjs/common';
import { ThisMachineGuard } from './this-machine.guard.js';

const key = 'the key of this start';

function knock(headers: Record<string, string>, remoteAddress = '127.0.0.1', own = { 'x-development-key': key }) {
  const request = { headers: { host: '127.0.0.1:3000', ...own, ...headers }, socket: { remoteAddress } };
  const context = { switchToHttp: () => ({ getRequest: () => request }) };
  return new ThisMachineGuard({ isKey: (given) => given === key }).canActivate(context as unknown as ExecutionContext);
}

describe('ThisMachineGuard', () => {
  it.each([
    [{}, '127.0.0.1'],
    [{}, '::1'],
    [{}, '::ffff:127.0.0.1'],
    [{ host: 'localhost:3000' }, '127.0.0.1'],
    [{ origin: 'http://127.0.0.1:3000', 'sec-fetch-site': 'same-origin' }, '127.0.0.1'],
    [{ 'sec-fetch-site': 'none' }, '127.0.0.1'],
  ])('lets in %j from %s', (headers, address) => {
    expect(knock(headers, address)).toBe(true);
  });

  it.each([
    [{}, '192.168.1.20'],
    [{ host: '192.168.1.20:3000' }, '127.0.0.1'],
    [{ host: 'evil.example' }, '127.0.0.1'],
    [{ host: '127.0.0.1.evil.example' }, '127.0.0.1'],
    [{ origin: 'http://evil.example' }, '127.0.0.1'],
    [{ origin: 'http://127.0.0.1:4000' }, '127.0.0.1'],
    [{ origin: 'null' }, '127.0.0.1'],
    [{ 'sec-fetch-site': 'cross-site' }, '127.0.0.1'],
    [{ 'sec-fetch-site': 'same-site' }, '127.0.0.1'],
    [{ 'x-forwarded-for': '203.0.113.7' }, '127.0.0.1'],
    [{ forwarded: 'for=203.0.113.7' }, '127.0.0.1'],
  ])('keeps out %j from %s', (headers, address) => {
    expect(() => knock(headers, address)).toThrow(ForbiddenException);
  });

  it.each([
    ['without the key, as a proxy on this machine sends the requests of others', {}],
    ['with the key of another start', { 'x-development-key': 'the key of another start' }],
    ['with two keys', { 'x-development-key': `${key}, ${key}` }],
  ])('keeps out a request from here %s', (_, own) => {
    expect(() => knock({}, '127.0.0.1', own as { 'x-development-key': string })).toThrow(ForbiddenException);
  });
});
