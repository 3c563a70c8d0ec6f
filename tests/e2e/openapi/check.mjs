// SPDX-License-Identifier: GPL-3.0-or-later
// Holds answers of the live server to net/http/openapi.json.
//
//   import { assertConforms, checkedFetch, untested } from './openapi/check.mjs';
//   assertConforms('GET', '/api/v1/streams/42?x=1', 200, response.headers, bodyText);
//   const response = await checkedFetch(base + '/api/v1/streams');
//
// An answer conforms when its status is listed for its operation, each listed header that is there
// (or must be) fits its schema, its media type is listed, and its body fits the schema of that type.
// The document lets clients meet new properties; here an unlisted property is a mistake.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Ajv2020 from 'ajv/dist/2020.js';

export const openapi = JSON.parse(
  readFileSync(new URL('../../../net/http/openapi.json', import.meta.url), 'utf8'),
);

const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
const validators = new Map();
const seen = new Set();

function resolve(node) {
  if (!node?.$ref) {
    return node;
  }
  return node.$ref
    .slice(2)
    .split('/')
    .reduce((at, step) => at[step.replaceAll('~1', '/').replaceAll('~0', '~')], openapi);
}

/** A copy that stands alone: references resolved, objects closed unless they say otherwise. */
function standalone(schema) {
  if (Array.isArray(schema)) {
    return schema.map(standalone);
  }
  if (typeof schema !== 'object' || schema === null) {
    return schema;
  }
  if (schema.$ref) {
    return standalone(resolve(schema));
  }
  const copy = Object.fromEntries(Object.entries(schema).map(([key, v]) => [key, standalone(v)]));
  if (copy.type === 'object' && copy.properties && !('additionalProperties' in copy)) {
    copy.additionalProperties = false;
  }
  return copy;
}

function assertFits(schema, value, what) {
  if (!validators.has(schema)) {
    validators.set(schema, ajv.compile(standalone(schema)));
  }
  const validate = validators.get(schema);
  assert.ok(
    validate(value),
    `${what}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`,
  );
}

/** The document's path for an address, the one with fewest captures first: "/a/b" before "/a/{id}". */
export function patternOf(path) {
  const captures = (pattern) => pattern.split('{').length;
  return Object.keys(openapi.paths)
    .sort((a, b) => captures(a) - captures(b))
    .find((pattern) => {
      const wanted = pattern.split('/');
      const given = path.split('/');
      return (
        wanted.length === given.length &&
        wanted.every((segment, i) => {
          if (!segment.startsWith('{')) {
            return segment === given[i];
          }
          const value = Number(given[i]);
          return /^\d+$/.test(given[i]) && value >= 1 && value <= Number.MAX_SAFE_INTEGER;
        })
      );
    });
}

function asHeaders(headers) {
  return headers instanceof Headers ? headers : new Headers(headers);
}

function assertError(body, what) {
  assertFits(openapi.components.schemas.error, body, what);
}

function assertHeaders(listed, headers, what) {
  for (const [name, reference] of Object.entries(listed.headers ?? {})) {
    const header = resolve(reference);
    const given = headers.get(name);
    if (given === null) {
      assert.ok(!header.required, `${what}: header ${name} is missing`);
      continue;
    }
    const value = header.schema.type === 'integer' ? Number(given) : given;
    assertFits(header.schema, value, `${what}: header ${name}`);
  }
}

function assertBody(listed, headers, body, what) {
  if (!listed.content) {
    assert.equal(body ?? '', '', `${what}: a body where none is listed`);
    return;
  }
  const type = headers.get('content-type')?.split(';')[0];
  const media = listed.content[type];
  assert.ok(media, `${what}: content type ${type} is not listed`);
  const value = type === 'application/json' && typeof body === 'string' ? JSON.parse(body) : body;
  assertFits(media.schema, value, `${what}: body`);
}

/** An address or method outside of the document. */
function assertUnlisted(method, pattern, status, headers, body, what) {
  if (pattern === undefined) {
    assert.equal(status, 404, `${what}: no such path, so 404`);
    assertError(body, what);
    return;
  }
  assert.match(headers.get('allow') ?? '', /\w/, `${what}: Allow is missing`);
  if (method === 'OPTIONS') {
    assert.equal(status, 204, what);
    return;
  }
  assert.equal(status, 405, `${what}: not a method of this path, so 405`);
  assertError(body, what);
}

/**
 * Throws an AssertionError that says where the answer differs from the document.
 * path may carry a query. headers: a Headers or a plain object. body: text, or the parsed JSON.
 * refusedByServer: for requests that are broken below the API (too large, not HTTP), where only the
 * shape of the error is fixed.
 */
export function assertConforms(method, path, status, headers, body, { refusedByServer = false } = {}) {
  const what = `${method} ${path} ${status}`;
  const given = asHeaders(headers);
  const parsed =
    given.get('content-type')?.startsWith('application/json') && typeof body === 'string' && body !== ''
      ? JSON.parse(body)
      : body;
  if (refusedByServer) {
    assert.ok(status >= 400 && status < 600, what);
    assertError(parsed, what);
    return;
  }
  const pattern = patternOf(path.split('?')[0]);
  const listedMethod = (method === 'HEAD' ? 'GET' : method).toLowerCase();
  const operation = pattern && openapi.paths[pattern][listedMethod];
  // HEAD answers have no body to look at, here and below.
  if (!operation) {
    const shape = method === 'HEAD' ? { error: { code: 'head', message: 'no body' } } : parsed;
    assertUnlisted(method, pattern, status, given, shape, what);
    return;
  }
  const listed = resolve(operation.responses[String(status)]);
  assert.ok(listed, `${what}: the status is not listed (${Object.keys(operation.responses)})`);
  assertHeaders(listed, given, what);
  if (method === 'HEAD') {
    assert.equal(body ?? '', '', `${what}: HEAD has no body`);
  } else {
    assertBody(listed, given, parsed, what);
  }
  seen.add(`${operation.operationId} ${status}`);
}

/** fetch() whose answer is checked; the answer can still be read. Only for paths of the API. */
export async function checkedFetch(address, options = {}) {
  const response = await fetch(address, options);
  const { pathname, search } = new URL(address);
  const body = await response.clone().text();
  assertConforms(options.method ?? 'GET', pathname + search, response.status, response.headers, body);
  return response;
}

/** Successful answers of the document that no call has shown so far, as "operationId status". */
export function untested() {
  return Object.values(openapi.paths)
    .flatMap((operations) => Object.values(operations))
    .flatMap((operation) =>
      Object.keys(operation.responses).map((status) => `${operation.operationId} ${status}`),
    )
    .filter((name) => / 2\d\d$/.test(name) && !seen.has(name));
}
