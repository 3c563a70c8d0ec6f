// SPDX-License-Identifier: GPL-3.0-or-later
// The peer: Debian's nginx with libnginx-mod-rtmp, on free ports, in a folder of its own. Its settings are the usual ones
// for speed (sendfile, no access log, long keep-alive); packaging is HLS with fragments of 2 s, its shortest useful ones.
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Process, until } from '../../tests/e2e/support/process.mjs';
import { endWithUs } from './process.mjs';

const module = ['/usr/lib/nginx/modules/ngx_rtmp_module.so', '/usr/share/nginx/modules/ngx_rtmp_module.so'].find(existsSync);

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
  });
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

export class Nginx {
  /** workers: 1 where RTMP is involved (the module serves one worker), else as many as cores. */
  static async start({ workers = 2 } = {}) {
    if (!module) throw new Error('the peer is missing: apt-get install nginx libnginx-mod-rtmp');
    const self = new Nginx();
    self.folder = await mkdtemp(join(tmpdir(), 'troupe-bench-nginx-'));
    self.www = join(self.folder, 'www');
    self.hls = join(self.folder, 'hls');
    await mkdir(self.www);
    await mkdir(self.hls);
    // Started by root, its workers still are nobody.
    await chmod(self.folder, 0o755);
    await chmod(self.hls, 0o777);
    self.httpPort = await freePort();
    self.rtmpPort = await freePort();
    self.origin = `http://127.0.0.1:${self.httpPort}`;
    const file = join(self.folder, 'nginx.conf');
    await writeFile(file, self.configuration(workers));
    self.process = new Process('nginx', ['-e', 'stderr', '-p', self.folder, '-c', file], { name: 'nginx' });
    endWithUs(self.process);
    await until(async () => {
      if (self.process.gone) throw new Error(`nginx ended:\n${self.process.output}`);
      return (await answers(self.httpPort)) && answers(self.rtmpPort);
    }, { what: 'nginx to listen', detail: () => self.process.output });
    return self;
  }

  configuration(workers) {
    return `${process.getuid() === 0 ? 'user nobody nogroup;' : ''}
load_module ${module};
daemon off;
worker_processes ${workers};
pid ${this.folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${this.rtmpPort};
    chunk_size 4096;
    application app { live on; hls on; hls_path ${this.hls}; hls_fragment 2s; hls_playlist_length 40s; }
  }
}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 75s;
  client_body_temp_path ${this.folder}/t1; proxy_temp_path ${this.folder}/t2; fastcgi_temp_path ${this.folder}/t3;
  uwsgi_temp_path ${this.folder}/t4; scgi_temp_path ${this.folder}/t5;
  types { text/html html; text/javascript js; application/json json; application/vnd.apple.mpegurl m3u8; video/mp2t ts; video/mp4 m4s mp4; }
  server {
    listen 127.0.0.1:${this.httpPort};
    location / { root ${this.www}; open_file_cache max=1000 inactive=60s; }
    location /hls/ { alias ${this.hls}/; add_header Cache-Control no-cache; }
  }
}
`;
  }

  get pid() {
    return this.process.child.pid;
  }

  /** The same bytes as a static file; answers its path. */
  async put(name, bytes) {
    await writeFile(join(this.www, name), bytes);
    await chmod(join(this.www, name), 0o644);
    return `/${name}`;
  }

  async close() {
    await this.process.stop('SIGTERM', 5000);
    await rm(this.folder, { recursive: true, force: true });
  }
}
