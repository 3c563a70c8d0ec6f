// SPDX-License-Identifier: GPL-3.0-or-later
import { Dialog } from '../components/ui';
import { useTexts } from '../i18n/context';
import type { TextKey } from '../i18n/translate';

export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const { t } = useTexts();
  const rows: [string[], TextKey][] = [
    [[t('shortcuts.space'), 'K'], 'shortcuts.play'],
    [['M'], 'shortcuts.mute'],
    [['F'], 'shortcuts.fullscreen'],
    [['↑', '↓'], 'shortcuts.volume'],
    [['←', '→'], 'shortcuts.seek'],
    [['L'], 'shortcuts.live'],
    [['?'], 'shortcuts.help'],
  ];
  return (
    <Dialog title={t('shortcuts.title')} onClose={onClose}>
      <dl className="shortcuts">
        {rows.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <div className="dialog-actions">
        <button type="button" className="button" autoFocus onClick={onClose}>
          {t('shortcuts.close')}
        </button>
      </div>
    </Dialog>
  );
}
