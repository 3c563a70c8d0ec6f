// SPDX-License-Identifier: GPL-3.0-or-later
// One's own account: what needs the password once more.
import { api } from './session';
import type { User } from './types';

export interface SecondFactorState {
  is_enabled: boolean;
  recovery_codes_left: number;
}

const withCode = (otp: string | undefined) => (otp ? { otp } : {});

export const accountApi = {
  changeEmail: (email: string, password: string, otp?: string) =>
    api.call<User>('/users/me/email', { method: 'PUT', body: { email, password, ...withCode(otp) }, auth: true }),
  secondFactor: (signal?: AbortSignal) => api.call<SecondFactorState>('/users/me/totp', { auth: true, signal }),
  enrol: (password: string) =>
    api.call<{ secret: string; uri: string }>('/users/me/totp', { method: 'POST', body: { password }, auth: true }),
  newRecoveryCodes: (password: string, otp?: string) =>
    api.call<{ recovery_codes: string[] }>('/users/me/totp/recovery-codes', { method: 'POST', body: { password, ...withCode(otp) }, auth: true }),
  disable: (password: string, otp?: string) =>
    api.call('/users/me/totp/disable', { method: 'POST', body: { password, ...withCode(otp) }, auth: true }),
};
