// SPDX-License-Identifier: GPL-3.0-or-later
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { matchRoute } from './router';
import './styles/base.css';
import './styles/header.css';
import './styles/parts.css';
import './styles/home.css';
import './styles/watch.css';
import './styles/player.css';
import './styles/account.css';
import './styles/studio.css';
import './styles/chat.css';
import './styles/chat_line.css';
import './styles/chat_tools.css';

// On a watch page the player's chunks travel together instead of one after the other.
if (['watch', 'channel'].includes(matchRoute(window.location.pathname).page)) {
  import('./pages/watch').catch(() => undefined);
  import('hls.js/light').catch(() => undefined);
}

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(<App />);
}
