// SPDX-License-Identifier: GPL-3.0-or-later
// docs/operating.md as a file of the page, made by build_tools/guide.ts.
import address from 'virtual:operating-guide';

export const guideAddress: string = address;
