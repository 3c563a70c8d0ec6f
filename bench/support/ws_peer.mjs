// SPDX-License-Identifier: GPL-3.0-or-later
// The peer of the chat rows: npm's ws as the usual broadcaster. What one says everybody gets; nothing is stored, checked or
// numbered.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const { WebSocketServer } = createRequire(fileURLToPath(new URL('../../tests/e2e/package.json', import.meta.url)))('ws');

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', (data) => {
    for (const client of server.clients) client.send(data, { binary: false });
  });
  socket.on('error', () => {});
});
server.on('listening', () => console.log(`ready port=${server.address().port}`));
