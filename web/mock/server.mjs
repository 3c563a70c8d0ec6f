// SPDX-License-Identifier: GPL-3.0-or-later
// Development only: the API in memory, the built page under the real Content-Security-Policy, and
// live HLS from ffmpeg's test picture. Everyone is logged in by any password; "taken" is taken.
// Usage: npm run build && npm run mock   (PORT, default 8090; MOCK_EMPTY=1: nobody is live;
// MOCK_MEDIA=FOLDER: *.mp4 in it become streams 101, 102, …)
import { spawn } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lowLatencyAnswer, lowLatencyArguments } from './low_latency.mjs';

const port = Number(process.env.PORT ?? 8090);
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'troupe-mock-'));
const children = new Map();
const csp =
  "default-src 'self'; script-src 'self'; style-src 'self'; media-src 'self' blob:; connect-src 'self' ws: wss:; " +
  "img-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

const minutesAgo = (m) => new Date(Date.now() - m * 60_000).toISOString();
const channels = [
  ['mika_plays', 'Night shift: finishing the lighthouse map', 'live', 1284, 133],
  ['Ondine', 'Learning the cello, lesson 40', 'live', 67, 51],
  ['ペンギン工房', '深夜の木工:椅子をひとつ作る', 'live', 412, 288],
  ['baltazar', 'Chess with viewers, be kind', 'reconnecting', 203, 95],
  ['speedlab', 'Any% attempts until the sun comes up, and after that a very long title to see what happens', 'live', 15230, 402],
  ['Tomoe', '', 'live', 1, 3],
  ['ravi.cooks', 'Sunday dosa', 'live', 38, 22],
  ['holt', 'Rust compiler internals, part 9', 'live', 156, 77],
];
const streams = new Map();
if (!process.env.MOCK_EMPTY) {
  channels.forEach(([username, title, status, viewers, minutes], i) => addStream(i + 1, username, title, status, viewers, minutes));
}
addStream(90, 'mika_plays', 'Doors open soon', 'waiting', 12, 0);
addStream(93, 'mika_plays', 'Low latency', 'live', 21, 8);
addStream(92, 'mika_plays', 'One key frame, and never again', 'live', 2, 1);
addStream(91, 'holt', 'What a day', 'ended', 0, 90);
const media = process.env.MOCK_MEDIA;
const files = media ? readdirSync(media).filter((name) => /\.(mp4|m4a)$/.test(name)).sort() : [];
files.forEach((name, i) => {
  addStream(101 + i, 'sampler', name, 'live', 3, 5);
  streams.get(101 + i).file = join(media, name);
  console.log(`stream ${101 + i}: ${name}`);
});

function addStream(id, username, title, status, viewers, minutes) {
  streams.set(id, {
    stream_id: id,
    user_id: 1000 + id,
    username,
    title,
    game_id: null,
    viewer_count: viewers,
    status,
    stream_url: `/live/${id}/master.m3u8`,
    started_at: status === 'waiting' ? null : minutesAgo(minutes),
    ended_at: status === 'ended' ? minutesAgo(2) : null,
  });
}

const session = { user: null, refreshable: false, stream: null, key: 'k7Qm-2VbT-9xLr-mock', serial: 1 };
const seenRates = [];

const problem = (status, code) => ({ status, body: { error: { code, message: code } } });
const ok = (body, status = 200, headers = {}) => ({ status, body, headers });

function health() {
  const rate = 2_500_000 + Math.sin(Date.now() / 9000) * 300_000 + Math.random() * 250_000;
  seenRates.push(rate);
  const warnings = process.env.MOCK_WARN
    ? [
        { code: 'key_frames_far_apart', message: 'key frames are 8 s apart: set 2 s in OBS' },
        { code: 'something_new', message: 'A sentence this page does not know.' },
      ]
    : [];
  return {
    status: session.stream.status,
    video_codec: 'avc1.64001f',
    audio_codec: 'mp4a.40.2',
    width: 1280,
    height: 720,
    frame_rate: 29.97,
    video_bitrate_bps: Math.round(rate),
    audio_bitrate_bps: 128_400,
    key_frame_interval_s: process.env.MOCK_WARN ? 8 : 2,
    dropped_frames: 0,
    warnings,
  };
}

const cookie = (value, age) => ({ 'set-cookie': `refresh=${value}; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=${age}` });

function account(method, path, body, request) {
  const authorized = request.headers.authorization === `Bearer token${session.serial}`;
  const keyAnswer = { ingest_url: `rtmp://127.0.0.1:1935/app`, stream_key: session.key };
  switch (`${method} ${path}`) {
    case 'POST /users':
      if (body.username === 'taken') return problem(409, 'username_taken');
      if (String(body.password).length < 10) return problem(400, 'weak_password');
      return ok({ user_id: 7, username: body.username }, 201);
    case 'POST /auth/token':
      if (body.grant_type === 'password') {
        if (body.password === 'wrong') return problem(401, 'invalid_credentials');
        session.user = { user_id: 7, username: body.username, email: 'someone@example.org', is_administrator: false };
      } else if (!/refresh=r/.test(request.headers.cookie ?? '') || !session.user) {
        return problem(401, 'invalid_grant');
      }
      session.serial += 1;
      return ok({ access_token: `token${session.serial}`, token_type: 'Bearer', expires_in: 900 }, 200, cookie(`r${session.serial}`, 86400));
    case 'POST /auth/logout':
      session.user = null;
      return ok({}, 200, cookie('', 0));
    default:
  }
  if (!authorized || !session.user) return problem(401, 'invalid_token');
  switch (`${method} ${path}`) {
    case 'GET /users/me':
      return ok(session.user);
    case 'GET /users/me/stream':
      return session.stream ? ok(session.stream) : problem(404, 'not_found');
    case 'GET /users/me/stream-key':
      return ok(keyAnswer);
    case 'POST /users/me/stream-key/rotate':
      session.key = `k${Math.random().toString(36).slice(2, 14)}-mock`;
      return ok({ ...keyAnswer, stream_key: session.key });
    case 'POST /streams/start': {
      if (!session.stream) {
        addStream(7, session.user.username, body.title, 'live', 4, 0);
        session.stream = streams.get(7);
      }
      session.stream.title = body.title;
      session.stream.game_id = body.game_id ?? null;
      return ok({ stream_id: session.stream.stream_id, ...keyAnswer });
    }
    default:
      return null;
  }
}

function api(method, url, body, request) {
  const path = url.pathname.slice('/api/v1'.length);
  if (/^\/(users|auth)|^\/streams\/start$/.test(path)) {
    return account(method, path, body, request) ?? problem(404, 'not_found');
  }
  if (path === '/streams') {
    const all = [...streams.values()].filter(({ status, stream_id: id }) => ['live', 'reconnecting'].includes(status) && id < 90);
    const limit = Number(process.env.MOCK_PAGE ?? url.searchParams.get('limit') ?? 20);
    const from = Number(url.searchParams.get('cursor') ?? 0);
    return ok({ items: all.slice(from, from + limit), next: from + limit < all.length ? String(from + limit) : null });
  }
  const [, id, what] = /^\/streams\/(\d+)(?:\/(\w+))?$/.exec(path) ?? [];
  const stream = streams.get(Number(id));
  if (!stream) return problem(404, 'not_found');
  if (what === 'health') return session.stream === stream ? ok(health()) : problem(403, 'forbidden');
  if (what === 'end') {
    stream.status = 'ended';
    stream.ended_at = new Date().toISOString();
    session.stream = null;
    return ok(stream);
  }
  if (what === 'mock') {
    Object.assign(stream, body); // set any field: status, viewer_count …
    return ok(stream);
  }
  return ok({ ...stream, file: undefined });
}

/** One ffmpeg per stream, started by its first viewer. */
function feed(stream) {
  const folder = join(work, String(stream.stream_id));
  if (!children.has(stream.stream_id)) {
    mkdirSync(folder, { recursive: true });
    const source = stream.file
      ? ['-re', '-stream_loop', '-1', '-i', stream.file, '-c', 'copy', '-tag:v', /hevc/.test(stream.file) ? 'hvc1' : '0']
      : [
          ...['-re', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=48000'],
          ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', stream.stream_id === 92 ? '90000' : '30', '-flags:v', '+cgop', '-pix_fmt', 'yuv420p', '-b:v', '2M', '-c:a', 'aac', '-af', 'volume=0.1'],
        ];
    if (stream.file && !/hevc/.test(stream.file)) source.splice(-2);
    // Segments without a key frame, as Troupe cuts them when a source sends few.
    const flags = `delete_segments+program_date_time${stream.stream_id === 92 || /single-keyframe/.test(stream.file ?? '') ? '+split_by_time' : ''}`;
    const output = ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '12', '-hls_segment_type', 'fmp4', '-hls_flags', flags];
    const chosen = stream.stream_id === 93 ? lowLatencyArguments : output;
    const args = ['-hide_banner', '-loglevel', 'error', ...source, ...chosen, '-master_pl_name', 'master.m3u8', join(folder, 'media.m3u8')];
    const child = spawn('ffmpeg', args, { stdio: ['ignore', 'inherit', 'inherit'] });
    children.set(stream.stream_id, child);
  }
  return folder;
}

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.m3u8': 'application/vnd.apple.mpegurl', '.mp4': 'video/mp4', '.m4s': 'video/mp4' };

function sendFile(response, path, headers) {
  response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream', 'content-length': statSync(path).size, ...headers });
  createReadStream(path).pipe(response);
}

function sendMedia(response, id, name, query) {
  const stream = streams.get(id);
  if (!stream || !['live', 'reconnecting'].includes(stream.status)) {
    response.writeHead(404).end();
    return;
  }
  if (id === 93) {
    void lowLatencyAnswer(feed(stream), basename(name), query).then(({ status, type, body }) => {
      response.writeHead(status, type ? { 'content-type': type, 'cache-control': 'no-store' } : {}).end(body);
    });
    return;
  }
  const path = join(feed(stream), basename(name));
  // 503 as long as there is no first segment, as a player must bear.
  if (!existsSync(path)) {
    response.writeHead(extname(path) === '.m3u8' ? 503 : 404).end();
    return;
  }
  sendFile(response, path, { 'cache-control': 'no-store' });
}

function sendPage(request, response, path) {
  const wanted = join(dist, normalize(path));
  const isAsset = path.startsWith('/assets/') && existsSync(wanted);
  const file = isAsset ? wanted : join(dist, 'index.html');
  const headers = { 'content-security-policy': csp, 'cache-control': isAsset ? 'public, max-age=31536000, immutable' : 'no-cache' };
  if (/\bbr\b/.test(request.headers['accept-encoding'] ?? '') && existsSync(`${file}.br`)) {
    const bytes = readFileSync(`${file}.br`);
    response.writeHead(200, { ...headers, 'content-type': types[extname(file)], 'content-encoding': 'br', 'content-length': bytes.length });
    response.end(bytes);
    return;
  }
  sendFile(response, file, headers);
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', `http://127.0.0.1:${port}`);
  const [, id, name] = /^\/live\/(\d+)\/(.+)$/.exec(url.pathname) ?? [];
  if (id) {
    sendMedia(response, Number(id), name, url.searchParams);
    return;
  }
  if (!url.pathname.startsWith('/api/v1/')) {
    sendPage(request, response, url.pathname);
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    const answer = api(request.method, url, text === '' ? {} : JSON.parse(text), request);
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(JSON.stringify(answer.body));
  });
});

function leave() {
  for (const child of children.values()) {
    child.kill('SIGKILL');
  }
  rmSync(work, { recursive: true, force: true });
  process.exit(0);
}
process.on('SIGINT', leave);
process.on('SIGTERM', leave);
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`));
