// SPDX-License-Identifier: GPL-3.0-or-later
// The list: draws only the rows near the window, sticks to the newest until someone scrolls up, and
// keeps what they read where it is, whatever comes, goes or is loaded above it.
import { useCallback, useEffect, useId, useLayoutEffect, useReducer, useRef, useState, type FocusEvent, type KeyboardEvent, type ReactNode } from 'react';
import { useTexts } from '../i18n/context';
import { Heights } from './heights';
import { newerThan, placeOf, type Row } from './rows';

const overscan = 8;
// This close to the end counts as at the end. Unit: CSS px.
const endZone = 32;
// This close to the beginning, older messages are asked for. Unit: CSS px.
const startZone = 400;
const markedFor = 2200;

interface ListProps {
  rows: Row[];
  hasOlder: boolean;
  loadingOlder: boolean;
  loadOlder: () => void;
  onReading: (reading: boolean) => void;
  /** A message to show; found rows are scrolled to and marked. */
  target: { messageId: number; round: number } | null;
  /** A key on a row, which has the focus. */
  onRowKey: (event: KeyboardEvent, row: Row) => void;
  draw: (row: Row, marked: boolean) => ReactNode;
  empty: ReactNode;
}

interface Anchor {
  key: string;
  /** From the top of its row to the top of the window. */
  delta: number;
}

export function MessageList(props: ListProps) {
  const { rows } = props;
  const { t, plural } = useTexts();
  const keysHint = useId();
  const box = useRef<HTMLDivElement>(null);
  const block = useRef<HTMLDivElement>(null);
  const heights = useRef(new Heights<string>());
  const anchor = useRef<Anchor | null>(null);
  const [, again] = useReducer((round: number) => round + 1, 0);
  const [pinned, setPinned] = useState(true);
  const isPinned = useRef(true);
  const leftAt = useRef(0);
  const lastTop = useRef(0);
  const [active, setActive] = useState<string | null>(null);
  const [marked, setMarked] = useState<string | null>(null);
  const hasFocus = useRef(false);

  const keys = rows.map(({ key }) => key);
  const keysNow = useRef(keys);
  keysNow.current = keys;
  const rowsNow = useRef(rows);
  rowsNow.current = rows;

  const height = box.current?.clientHeight ?? 600;
  const total = heights.current.offset(keys, keys.length);
  const top = isPinned.current ? Math.max(0, total - height) : topOf(anchor.current, keys, heights.current, box.current?.scrollTop ?? 0);
  const view = heights.current.window(keys, top, height, overscan);

  const pin = useCallback(
    (on: boolean) => {
      if (isPinned.current !== on) {
        isPinned.current = on;
        const last = [...rowsNow.current].reverse().find(({ item }) => item);
        leftAt.current = last?.item?.seq ?? 0;
        setPinned(on);
        props.onReading(!on);
      }
    },
    [props.onReading],
  );

  const onScroll = useCallback(() => {
    const element = box.current;
    if (!element) {
      return;
    }
    anchor.current = drawnAnchor(element, block.current) ?? guessedAnchor(element.scrollTop, keysNow.current, heights.current);
    lastTop.current = element.scrollTop;
    pin(distanceToEnd(element) < endZone);
    again();
  }, [pin]);

  // Before the browser paints: real heights in place of guesses, and the window where it belongs.
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !block.current) {
      return;
    }
    let changed = false;
    for (const child of block.current.children) {
      const key = (child as HTMLElement).dataset['key'];
      if (key !== undefined) {
        changed = heights.current.set(key, child.getBoundingClientRect().height) || changed;
      }
    }
    heights.current.keep(keysNow.current);
    if (changed) {
      again();
    }
    // Scrolled by focus or a script, and its event is still to come: that counts as reading, too.
    const isMoved = element.scrollTop < lastTop.current - 1 && distanceToEnd(element) >= endZone;
    if (isPinned.current && isMoved) {
      onScroll();
      return;
    }
    const wanted = isPinned.current
      ? element.scrollHeight
      : topOf(anchor.current, keysNow.current, heights.current, element.scrollTop);
    if (isPinned.current || Math.abs(wanted - element.scrollTop) > 0.5) {
      element.scrollTop = wanted;
    }
    lastTop.current = element.scrollTop;
  });

  // A line that goes while it has the focus, deleted or out of the window, leaves it to the list.
  useLayoutEffect(() => {
    if (hasFocus.current && document.activeElement === document.body) {
      box.current?.focus({ preventScroll: true });
    }
  });
  const onBlur = ({ target, relatedTarget }: FocusEvent<HTMLElement>) => {
    if (relatedTarget) {
      hasFocus.current = box.current?.contains(relatedTarget) ?? false;
    } else {
      requestAnimationFrame(() => {
        hasFocus.current &&= !target.isConnected || (box.current?.contains(document.activeElement) ?? false);
      });
    }
  };

  // Another width breaks lines elsewhere: nothing that was measured holds.
  useEffect(() => {
    const element = box.current;
    if (!element) {
      return undefined;
    }
    let width = element.clientWidth;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth !== width) {
        width = element.clientWidth;
        heights.current.forget();
      }
      again();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Near the beginning, or with room to spare, there is more.
  useEffect(() => {
    const nearStart = !isPinned.current && (box.current?.scrollTop ?? 0) < startZone;
    const hasRoom = rows.length > 0 && total < height + startZone / 2;
    if (props.hasOlder && !props.loadingOlder && (nearStart || hasRoom)) {
      props.loadOlder();
    }
  });

  const toEnd = useCallback(() => {
    anchor.current = null;
    pin(true);
    again();
  }, [pin]);

  const { target } = props;
  useEffect(() => {
    const index = target ? rowsNow.current.findIndex(({ item }) => item?.type === 'message' && item.message_id === target.messageId) : -1;
    const key = keysNow.current[index];
    if (key === undefined) {
      return undefined;
    }
    pin(false);
    anchor.current = { key, delta: -Math.min(120, (box.current?.clientHeight ?? 0) / 3) };
    setMarked(key);
    again();
    const timer = setTimeout(() => setMarked(null), markedFor);
    return () => clearTimeout(timer);
  }, [target, pin]);

  const move = (event: KeyboardEvent, to: number) => {
    const index = Math.min(keys.length - 1, Math.max(0, to));
    const key = keys[index];
    if (key === undefined) {
      return;
    }
    event.preventDefault();
    setActive(key);
    const element = box.current;
    const y = heights.current.offset(keys, index);
    if (element && (y < element.scrollTop || y + heights.current.of(key) > element.scrollTop + element.clientHeight)) {
      element.scrollTop = Math.max(0, y - element.clientHeight / 2);
    }
    requestAnimationFrame(() => block.current?.querySelector<HTMLElement>(`[data-key="${key}"]`)?.focus({ preventScroll: true }));
  };

  const onKey = (event: KeyboardEvent) => {
    const at = placeOf(rows, active);
    switch (event.key) {
      case 'ArrowUp':
        move(event, Math.ceil(at - 1));
        return;
      case 'ArrowDown':
        move(event, Math.floor(at + 1));
        return;
      case 'Home':
        move(event, 0);
        return;
      case 'End':
        event.preventDefault();
        setActive(null);
        box.current?.focus({ preventScroll: true }); // the line that has it may go out of the window
        toEnd();
        return;
      default: {
        const row = rows[at];
        if (row && event.target instanceof HTMLElement && event.target.dataset['key'] === row.key) {
          props.onRowKey(event, row);
        }
      }
    }
  };

  const fresh = pinned ? 0 : newerThan(rows, leftAt.current);
  return (
    <div className="chat-list-frame">
      <p id={keysHint} className="heard-only">
        {t('chat.keys')}
      </p>
      <div
        ref={box}
        className="chat-list"
        role="log"
        aria-live="off" // spoken by the announcer, which does not stammer when rows are drawn anew
        aria-label={t('chat.messages')}
        aria-describedby={keysHint}
        tabIndex={0}
        data-testid="chat-list"
        data-pinned={pinned}
        data-rows={rows.length}
        onScroll={onScroll}
        onKeyDown={onKey}
        onFocus={() => {
          hasFocus.current = true;
        }}
        onBlur={onBlur}
      >
        {rows.length === 0 && props.empty}
        <div className="chat-space" style={{ height: view.total }}>
          <div ref={block} className="chat-block" style={{ transform: `translateY(${view.before}px)` }}>
            {rows.slice(view.first, view.end).map((row) => (
              <div
                key={row.key}
                className="chat-row"
                data-key={row.key}
                tabIndex={-1}
                onFocus={() => setActive(row.key)}
              >
                {props.draw(row, row.key === marked)}
              </div>
            ))}
          </div>
        </div>
      </div>
      {!pinned && (
        <button type="button" className="chat-newer" data-testid="chat-newer" data-count={fresh} onClick={toEnd}>
          {fresh > 0 ? plural('chat.newer', fresh, { count: fresh > 999 ? '999+' : fresh }) : t('chat.to_end')}
        </button>
      )}
    </div>
  );
}

/** The first row that is seen, where it really stands. */
function drawnAnchor(box: HTMLElement, block: HTMLElement | null): Anchor | null {
  const top = box.getBoundingClientRect().top;
  for (const child of block?.children ?? []) {
    const place = child.getBoundingClientRect();
    const key = (child as HTMLElement).dataset['key'];
    if (place.bottom > top) {
      // Below the window's beginning: it was scrolled past everything that is drawn.
      return key === undefined || place.top > top + box.clientHeight ? null : { key, delta: top - place.top };
    }
  }
  return null;
}

function guessedAnchor(top: number, keys: readonly string[], heights: Heights<string>): Anchor | null {
  const index = heights.rowAt(keys, top);
  const key = keys[index];
  return key === undefined ? null : { key, delta: top - heights.offset(keys, index) };
}

function distanceToEnd(element: HTMLElement): number {
  return element.scrollHeight - element.scrollTop - element.clientHeight;
}

/** Where the window stands so that the row someone reads stays where it is. */
function topOf(anchor: Anchor | null, keys: readonly string[], heights: Heights<string>, otherwise: number): number {
  const index = anchor ? keys.indexOf(anchor.key) : -1;
  return anchor && index >= 0 ? Math.max(0, heights.offset(keys, index) + anchor.delta) : otherwise;
}
