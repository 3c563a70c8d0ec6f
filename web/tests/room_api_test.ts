// SPDX-License-Identifier: GPL-3.0-or-later
import { beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { ApiError } from '../src/api/client';
import { people } from '../src/api/people';
import { longestReason, roomApi } from '../src/api/room';
import { api } from '../src/api/session';

let call: MockInstance<typeof api.call>;
beforeEach(() => {
  call = vi.spyOn(api, 'call').mockResolvedValue(undefined);
});

describe('moderating calls', () => {
  const room = roomApi(5);
  const calls: [string, (reason?: string) => Promise<unknown>, string, string, object][] = [
    ['a deletion', (why) => room.deleteMessage(9, why), 'DELETE', '/channels/5/chat/9', {}],
    ['the mode', (why) => room.setMode({ slow_mode_s: 3 }, why), 'PATCH', '/channels/5/chat/mode', { slow_mode_s: 3 }],
    ['an appointment', (why) => room.setModerator(7, true, why), 'PUT', '/channels/5/moderators/7', {}],
    ['a dismissal', (why) => room.setModerator(7, false, why), 'DELETE', '/channels/5/moderators/7', {}],
    ['a time-out', (why) => room.ban(7, 60, why ?? ''), 'PUT', '/channels/5/bans/7', { duration_s: 60 }],
    ['a ban', (why) => room.ban(7, null, why ?? ''), 'PUT', '/channels/5/bans/7', {}],
    ['its end', (why) => room.unban(7, why), 'DELETE', '/channels/5/bans/7', {}],
    ['words', (why) => room.setWords([], why), 'PUT', '/channels/5/chat/words', { words: [] }],
    ['a decision', (why) => room.decideHeld(9, 'deny', why), 'POST', '/channels/5/chat/held/9', { action: 'deny' }],
  ];

  it.each(calls)('%s goes with its reason, and without one', async (_name, send, method, path, body) => {
    await send('  too loud ');
    expect(call).toHaveBeenLastCalledWith(path, { method, body: { ...body, reason: 'too loud' }, auth: true });
    await send('   ');
    expect(call).toHaveBeenLastCalledWith(path, { method, body, auth: true });
    await send();
    expect(call).toHaveBeenLastCalledWith(path, { method, body, auth: true });
  });

  it('cuts a reason to what the server takes', async () => {
    await room.unban(7, 'x'.repeat(1000));
    expect(call.mock.lastCall?.[1]?.body).toEqual({ reason: 'x'.repeat(longestReason) });
  });
});

describe('a person meant by a typed name', () => {
  it('is asked for without what people put around it', async () => {
    call.mockResolvedValue({ user_id: 3, username: 'Mika' });
    expect(await people.meant(' @mika ')).toMatchObject({ user_id: 3 });
    expect(call.mock.lastCall?.[0]).toBe('/users?username=mika');
  });

  it.each([404, 400])('that nobody has (%i) is told as that, and other failures as they are', async (status) => {
    call.mockRejectedValue(new ApiError(status, 'x', ''));
    await expect(people.meant('nobody')).rejects.toMatchObject({ code: 'no_such_user' });
    call.mockRejectedValue(new ApiError(503, 'unavailable', ''));
    await expect(people.meant('nobody')).rejects.toMatchObject({ code: 'unavailable' });
  });
});
