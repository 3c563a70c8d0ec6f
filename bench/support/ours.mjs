// SPDX-License-Identifier: GPL-3.0-or-later
// Troupe under measurement: the release binary, started as the end-to-end tests start it.
import { Troupe } from '../../tests/e2e/support/troupe.mjs';
import { until } from '../../tests/e2e/support/process.mjs';
import { endWithUs } from './process.mjs';
import { Publisher } from './rtmp.mjs';

export { binary } from '../../tests/e2e/support/troupe.mjs';

export async function start(options) {
  const troupe = await Troupe.start(options);
  troupe.pid = troupe.process.child.pid;
  endWithUs(troupe.process);
  // A row fails by itself when the server goes; why it went stands in its log.
  troupe.process.exited.then(({ code, signal }) => {
    if (code !== 0) console.error(`troupe ended with ${code ?? signal}:\n${troupe.process.output.slice(-3000)}`);
  });
  return troupe;
}

/** A new streamer whose encoder is connected and has sent nothing yet: {id, publisher, path(file)}. */
export async function prepare(troupe, file) {
  const user = await troupe.streamer();
  const { status, json } = await troupe.api('POST', '/streams/start', { token: user.token, body: { title: 'bench' } });
  if (status !== 200) throw new Error(`streams/start answered ${status}`);
  const publisher = await Publisher.open(troupe.rtmpPort, json.stream_key, file);
  return { id: json.stream_id, publisher, path: (name) => `/live/${json.stream_id}/${name}` };
}

/** Sends `seconds` of stream faster than real time (below the limit on bit rates), then goes on in real time. */
export async function fill(live, seconds, speed = 8) {
  const { publisher } = live;
  const rate = publisher.media.frames / (publisher.media.length / 1000);
  publisher.run({ speed });
  await until(() => publisher.closed || publisher.sent.length >= seconds * rate,
    { deadlineMs: (2000 * seconds) / speed + 10_000, what: 'the stream to fill', detail: () => publisher.listener.said });
  if (publisher.closed) throw new Error(`the server hung up: ${publisher.listener.said}`);
  publisher.setSpeed(1);
}
