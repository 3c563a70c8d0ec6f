// SPDX-License-Identifier: GPL-3.0-or-later
// The whole life of an account against the real server: registration to second factor, each change, each end. The authenticator here is
// node's own HMAC, so that the server's codes meet somebody else's.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { until } from './support/process.mjs';
import { Troupe } from './support/troupe.mjs';

const password = 'correct horse battery';

async function running(use, options) {
  const troupe = await Troupe.start(options);
  try {
    await use(troupe);
  } finally {
    await troupe.close();
  }
}

const register = (troupe, username, email = `${username}@example.org`) =>
  troupe.api('POST', '/users', { body: { username, email, password } });

const logIn = (troupe, username, more = {}) =>
  troupe.api('POST', '/auth/token', { body: { grant_type: 'password', username, password, ...more } });

const renew = (troupe, token) => troupe.api('POST', '/auth/token', { body: { grant_type: 'refresh_token', refresh_token: token } });
const me = (troupe, token) => troupe.api('GET', '/users/me', { token });
const code = ({ status, json }) => `${status} ${json?.error?.code ?? ''}`.trim();

function fromBase32(text) {
  const bits = [...text].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

/** RFC 6238 with six digits, for a step of 30 s. */
function totp(secret, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, '0');
}

const step = () => Math.floor(Date.now() / 30_000);

test('a client that speaks OAuth 2.0 by forms is told of errors as RFC 6749 has them', async () => {
  await running(async (troupe) => {
    await register(troupe, 'oauthclient');
    const grant = (form) => troupe.api('POST', '/auth/token', { form });
    const made = await grant({ grant_type: 'password', username: 'oauthclient', password });
    assert.equal(made.status, 200);
    const renewal = { grant_type: 'refresh_token', refresh_token: made.json.refresh_token };
    assert.equal((await grant(renewal)).status, 200);
    for (const [form, error, ours] of [
      [{ ...renewal, refresh_token: 'made-up' }, 'invalid_grant', 'invalid_grant'],
      [{ grant_type: 'password', username: 'oauthclient', password: 'wrong' }, 'invalid_grant', 'invalid_credentials'],
      [{ grant_type: 'client_credentials' }, 'unsupported_grant_type', 'unsupported_grant_type'],
      [{ grant_type: 'password', username: 'oauthclient' }, 'invalid_request', 'invalid_argument']]) {
      const refused = await grant(form);
      assert.equal(refused.status, 400);
      assert.equal(refused.json.error, error);
      assert.equal(refused.json.code, ours);
      assert.match(refused.json.error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
      assert.equal(refused.headers.get('cache-control'), 'no-store');
    }
    assert.equal(code(await renew(troupe, 'made-up')), '401 invalid_grant', 'to JSON it says so in the API\'s shape');
  });
});

test('names that look alike, or like the operators, are refused', async () => {
  await running(async (troupe) => {
    assert.equal((await register(troupe, 'Modern_Bob')).status, 201);
    for (const name of ['modern_bob', 'M0dern_B0b', '_modern__bob_', 'modem_bob']) {
      assert.equal(code(await register(troupe, name, 'other@example.org')), '409 username_taken', name);
    }
    for (const name of ['Adm1n', 'troupe_support', 'api', '12345', 'a b', 'mod_7']) {
      assert.equal(code(await register(troupe, name, 'other@example.org')), '400 invalid_username', name);
    }
    assert.equal((await register(troupe, 'tail')).status, 201);
    assert.equal((await register(troupe, 'tall')).status, 201);
  });
});

test('a password and an address change with a proof, and every other log-in ends', async () => {
  await running(async (troupe) => {
    await register(troupe, 'aya');
    const first = (await logIn(troupe, 'aya')).json;
    const second = (await logIn(troupe, 'aya')).json;
    const change = (body) => troupe.api('PUT', '/users/me/password', { token: first.access_token, body });
    assert.equal(code(await change({ old_password: 'wrong horse', new_password: 'staple the horse' })), '403 wrong_password');
    assert.equal(code(await change({ old_password: password, new_password: 'short' })), '400 weak_password');
    assert.equal((await me(troupe, first.access_token)).status, 200);
    const changed = await change({ old_password: password, new_password: 'staple the horse' });
    assert.equal(changed.status, 200);
    for (const old of [first, second]) {
      assert.equal(code(await me(troupe, old.access_token)), '401 token_expired');
      assert.equal(code(await renew(troupe, old.refresh_token)), '401 invalid_grant');
    }
    assert.equal((await me(troupe, changed.json.access_token)).status, 200);
    assert.equal(code(await logIn(troupe, 'aya')), '401 invalid_credentials');

    const token = changed.json.access_token;
    const email = await troupe.api('PUT', '/users/me/email', { token, body: { email: 'New@example.org', password: 'staple the horse' } });
    assert.equal(email.json.email, 'New@example.org');
    assert.equal((await logIn(troupe, 'new@example.org', { password: 'staple the horse' })).status, 200);
    assert.equal(code(await logIn(troupe, 'aya@example.org', { password: 'staple the horse' })), '401 invalid_credentials');
  });
});

test('log-out everywhere ends what the page and programs hold, also after a restart', async () => {
  await running(async (troupe) => {
    await register(troupe, 'aya');
    const page = await logIn(troupe, 'aya', { cookie: true });
    const cookie = page.headers.get('set-cookie').split(';')[0];
    assert.match(page.headers.get('set-cookie'), /Path=\/api\/v1; .*HttpOnly; SameSite=Strict/);
    const program = (await logIn(troupe, 'aya')).json;
    const out = await troupe.api('POST', '/auth/logout-all', { token: page.json.access_token, headers: { cookie } });
    assert.equal(out.status, 204);
    assert.match(out.headers.get('set-cookie'), /Max-Age=0/);
    const check = async () => {
      assert.equal(code(await me(troupe, page.json.access_token)), '401 token_expired');
      assert.equal(code(await me(troupe, program.access_token)), '401 token_expired');
      const renewed = await troupe.api('POST', '/auth/token', { body: { grant_type: 'refresh_token', cookie: true }, headers: { cookie } });
      assert.equal(code(renewed), '401 invalid_grant');
    };
    await check();
    await troupe.restart('SIGKILL');
    await check();
    assert.equal((await logIn(troupe, 'aya')).status, 200);
  });
});

test('a second factor: set up, needed, each code once, recovery codes, and gone', async () => {
  await running(async (troupe) => {
    await register(troupe, 'aya');
    const elsewhere = (await logIn(troupe, 'aya')).json;
    let { access_token: token } = (await logIn(troupe, 'aya')).json;
    const post = (path, body) => troupe.api('POST', `/users/me/totp${path}`, { token, body });
    const { secret, uri } = (await post('', { password })).json;
    assert.match(uri, new RegExp(`^otpauth://totp/.*secret=${secret}`));
    assert.equal(code(await post('/confirm', { otp: '000000' })), '403 invalid_otp');
    let used = step();
    const confirmed = (await post('/confirm', { otp: totp(secret, used) })).json;
    const codes = confirmed.recovery_codes;
    assert.equal(codes.length, 10);
    // Whoever was logged in has shown no code: that ends, but for who switched it on.
    for (const old of [elsewhere, { access_token: token }]) assert.equal(code(await me(troupe, old.access_token)), '401 token_expired');
    assert.equal(code(await renew(troupe, elsewhere.refresh_token)), '401 invalid_grant');
    token = confirmed.access_token;
    assert.equal((await me(troupe, token)).status, 200);
    assert.equal((await renew(troupe, confirmed.refresh_token)).status, 200);

    assert.equal(code(await logIn(troupe, 'aya')), '401 second_factor_required');
    assert.equal(code(await logIn(troupe, 'aya', { password: 'wrong horse' })), '401 invalid_credentials');
    assert.equal(code(await logIn(troupe, 'aya', { otp: totp(secret, used) })), '401 invalid_otp');
    used += 1;  // the step to come is accepted too, so nothing waits here
    assert.equal((await logIn(troupe, 'aya', { otp: totp(secret, used) })).status, 200);
    await troupe.restart('SIGKILL');
    assert.equal(code(await logIn(troupe, 'aya', { otp: totp(secret, used) })), '401 invalid_otp');

    assert.equal((await logIn(troupe, 'aya', { otp: codes[0].toUpperCase() })).status, 200);
    assert.equal(code(await logIn(troupe, 'aya', { otp: codes[0] })), '401 invalid_otp');
    assert.deepEqual((await troupe.api('GET', '/users/me/totp', { token })).json, { is_enabled: true, recovery_codes_left: 9 });
    const fresh = (await post('/recovery-codes', { password, otp: codes[1] })).json.recovery_codes;
    assert.equal(code(await post('/disable', { password })), '403 second_factor_required');
    assert.equal((await post('/disable', { password, otp: fresh[0] })).status, 204);
    assert.equal((await logIn(troupe, 'aya')).status, 200);

    const database = await readFile(`${troupe.folder}/data/troupe.db`);
    assert.equal(database.includes(Buffer.from(secret)), false);
    assert.equal(database.includes(Buffer.from(fresh[1])), false);
  });
});

test('administrators end log-ins, take second factors away and rotate keys; nobody else does', async () => {
  await running(async (troupe) => {
    const made = troupe.command('user', 'create', 'boss', '--email', 'boss@example.org', '--administrator', '--password-stdin');
    made.child.stdin.end(`${password}\n`);
    assert.equal((await made.exited).code, 0, made.output);
    const { access_token: boss } = (await logIn(troupe, 'boss')).json;
    const aya = (await register(troupe, 'aya')).json.user_id;
    const ayas = (await logIn(troupe, 'aya')).json;
    const paths = [`/admin/users/${aya}/logout-all`, `/admin/users/${aya}/totp/disable`, '/admin/token-keys/rotate'];
    for (const path of paths) {
      assert.equal(code(await troupe.api('POST', path)), '401 unauthenticated');
      assert.equal(code(await troupe.api('POST', path, { token: ayas.access_token })), '403 forbidden');
    }
    const kid = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid;
    const rotated = (await troupe.api('POST', paths[2], { token: boss })).json;
    assert.notEqual(rotated.kid, kid(boss));
    assert.ok(Date.parse(rotated.signs_from) > Date.now() + 20_000);
    assert.equal((await me(troupe, ayas.access_token)).status, 200);

    assert.equal((await troupe.api('POST', paths[0], { token: boss })).status, 204);
    assert.equal(code(await me(troupe, ayas.access_token)), '401 token_expired');
    assert.equal((await troupe.api('POST', paths[1], { token: boss })).status, 204);
    const leaked = (await troupe.api('POST', paths[2], { token: boss, body: { ends_older: true } })).json;
    assert.equal(code(await me(troupe, boss)), '401 invalid_token');
    const after = (await logIn(troupe, 'boss')).json.access_token;
    assert.equal(kid(after), leaked.kid);
    await until(async () => (await me(troupe, after)).status === 200, { deadlineMs: 10_000, what: 'the new key in force' });

    // The same from the machine itself.
    const rotate = async (...options) => {
      const command = troupe.command('rotate-token-key', '--json', ...options);
      assert.equal((await command.exited).code, 0, command.output);
      return JSON.parse(command.output);
    };
    assert.notEqual((await rotate()).kid, leaked.kid);
    assert.equal((await me(troupe, after)).status, 200);
    const alone = await rotate('--end-older');
    assert.equal(code(await me(troupe, after)), '401 invalid_token');
    assert.equal(kid((await logIn(troupe, 'boss')).json.access_token), alone.kid);
  });
});

test('wrong passwords from one place are slowed down there, and let others in', async () => {
  await running(async (troupe) => {
    await register(troupe, 'aya');
    const from = (address) => ({ headers: { 'x-forwarded-for': address } });
    const attempt = (address, text) => troupe.api('POST', '/auth/token',
      { body: { grant_type: 'password', username: 'aya', password: text }, ...from(address) });
    assert.equal((await attempt('203.0.113.1', password)).status, 200);
    const answers = [];
    for (let i = 0; i < 8; ++i) answers.push(await attempt('198.51.100.7', 'wrong horse'));
    assert.equal(code(answers[0]), '401 invalid_credentials');
    const refused = answers.find(({ status }) => status === 429);
    assert.equal(code(refused), '429 too_many_attempts');
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
    assert.equal((await attempt('203.0.113.1', password)).status, 200);
    const nobody = [];
    for (let i = 0; i < 8; ++i) {
      nobody.push(code(await troupe.api('POST', '/auth/token',
        { body: { grant_type: 'password', username: 'nobody_here', password: 'wrong horse' }, ...from('198.51.100.8') })));
    }
    assert.ok(nobody.includes('401 invalid_credentials') && nobody.includes('429 too_many_attempts'));
  });
});
