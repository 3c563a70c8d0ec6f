// SPDX-License-Identifier: GPL-3.0-or-later
// The checker against the document's own examples and against answers that are wrong on purpose.
// Run: node --test tests/e2e/openapi_check.test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertConforms, openapi, patternOf, untested } from './openapi/check.mjs';

const json = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
const stream = openapi.paths['/api/v1/streams/{stream_id}'].get.responses['200'].content[
  'application/json'
].example;

const resolve = (node) =>
  node.$ref ? node.$ref.slice(2).split('/').reduce((at, step) => at[step], openapi) : node;

function sampleHeaders(listed, type) {
  const headers = { 'Content-Type': type };
  for (const [name, reference] of Object.entries(listed.headers ?? {})) {
    const { required, schema } = resolve(reference);
    if (required) {
      headers[name] = schema.const ?? (schema.type === 'integer' ? '1' : 'public, max-age=1');
    }
  }
  return headers;
}

test('every example of the document conforms', () => {
  let count = 0;
  for (const [pattern, operations] of Object.entries(openapi.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      for (const [status, reference] of Object.entries(operation.responses)) {
        const listed = resolve(reference);
        for (const [type, media] of Object.entries(listed.content ?? {})) {
          const examples = Object.values(media.examples ?? {}).map((each) => each.value);
          for (const example of media.example ? [media.example] : examples) {
            const path = pattern.replace(/\{\w+\}/g, '42');
            const text = JSON.stringify(example);
            assertConforms(method.toUpperCase(), path, Number(status), sampleHeaders(listed, type), text);
            count += 1;
          }
        }
      }
    }
  }
  assert.ok(count > 100, `only ${count} examples`);
});

test('all references of the document lead somewhere, and all components are used', () => {
  const used = new Set();
  JSON.stringify(openapi, (key, value) => {
    if (key === '$ref') {
      assert.ok(resolve({ $ref: value }), value);
      used.add(value);
    }
    return value;
  });
  for (const kind of ['schemas', 'parameters', 'headers', 'responses']) {
    for (const name of Object.keys(openapi.components[kind])) {
      assert.ok(used.has(`#/components/${kind}/${name}`), `${kind}/${name} is not used`);
    }
  }
});

test('captures of a path are its parameters', () => {
  for (const [pattern, operations] of Object.entries(openapi.paths)) {
    const captures = [...pattern.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    for (const operation of Object.values(operations)) {
      const inPath = (operation.parameters ?? []).map(resolve).filter((each) => each.in === 'path');
      assert.deepEqual(inPath.map((each) => each.name), captures);
    }
  }
});

test('paths find their pattern', () => {
  assert.equal(patternOf('/api/v1/streams/start'), '/api/v1/streams/start');
  assert.equal(patternOf('/api/v1/streams/42'), '/api/v1/streams/{stream_id}');
  assert.equal(patternOf('/api/v1/streams/9007199254740992'), undefined);
  assert.equal(patternOf('/api/v1/streams/x'), undefined);
});

const wrong = {
  'an unlisted status': [201, json, stream],
  'a missing property': [200, json, { ...stream, title: undefined }],
  'an unlisted property': [200, json, { ...stream, stream_key: 'secret' }],
  'a time without milliseconds': [200, json, { ...stream, created_at: '2026-01-15T10:30:00Z' }],
  'a number as text': [200, json, { ...stream, viewer_count: '12' }],
  'a negative number': [200, json, { ...stream, viewer_count: -1 }],
  'an unknown status': [200, json, { ...stream, status: 'paused' }],
  'null where there is always a value': [200, json, { ...stream, created_at: null }],
  'a missing header': [200, { 'Content-Type': 'application/json' }, stream],
  'a wrong header': [200, { ...json, 'Cache-Control': 'public' }, stream],
  'another media type': [200, { ...json, 'Content-Type': 'text/html' }, stream],
  'an error of another shape': [404, json, { error: 'not found' }],
  '429 without Retry-After': [429, json, { error: { code: 'rate_limited', message: 'm' } }],
};

for (const [name, [status, headers, body]] of Object.entries(wrong)) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => assertConforms('GET', '/api/v1/streams/42', status, headers, JSON.stringify(body)),
      assert.AssertionError,
    );
  });
}

test('knows what unlisted paths and methods answer', () => {
  const error = JSON.stringify({ error: { code: 'not_found', message: 'nothing' } });
  const allow = { ...json, Allow: 'GET, HEAD, OPTIONS' };
  assertConforms('GET', '/api/v1/nothing', 404, json, error);
  assertConforms('PUT', '/api/v1/streams/42', 405, allow, error);
  assertConforms('OPTIONS', '/api/v1/streams/42', 204, allow, '');
  assertConforms('HEAD', '/api/v1/streams/42', 200, json, '');
  assertConforms('POST', '/api/v1/users', 413, json, error);
  assertConforms('POST', '/api/v1/users', 431, json, error, { refusedByServer: true });
  assert.throws(() => assertConforms('GET', '/api/v1/nothing', 200, json, '{}'));
  assert.throws(() => assertConforms('PUT', '/api/v1/streams/42', 405, json, error));
  assert.throws(() => assertConforms('POST', '/api/v1/users', 431, json, error));
  assert.throws(() => assertConforms('POST', '/api/v1/users', 431, json, 'x', { refusedByServer: true }));
});

test('says which answers no call has shown', () => {
  assert.ok(untested().includes('showOpenapi 200'));
  assert.ok(!untested().includes('showStream 200'));
});
