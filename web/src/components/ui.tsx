// SPDX-License-Identifier: GPL-3.0-or-later
// Small parts that several pages share.
import { useId, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import type { StreamStatus } from '../api/types';
import { useTexts } from '../i18n/context';
import { EyeIcon, EyeOffIcon, WarningIcon } from './icons';

export function StatusPill({ status }: { status: StreamStatus }) {
  const { t } = useTexts();
  return (
    <span className={`pill pill-${status}`} data-testid="stream-status" data-status={status}>
      {t(`status.${status}`)}
    </span>
  );
}

interface FieldProps {
  label: string;
  name: string;
  hint?: string;
  error?: string | null;
  value: string;
  onChange: (value: string) => void;
  type?: 'text' | 'email' | 'password';
  autoComplete?: string;
  placeholder?: string;
  maxLength?: number;
  minLength?: number;
  required?: boolean;
  inputMode?: 'text' | 'numeric' | 'email';
  pattern?: string;
  autoFocus?: boolean;
}

export function Field(props: FieldProps) {
  const { t } = useTexts();
  const id = useId();
  const [shown, setShown] = useState(false);
  const isPassword = props.type === 'password';
  const described = [props.hint ? `${id}h` : '', props.error ? `${id}e` : ''].filter(Boolean).join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <div className="field-box">
        <input
          id={id}
          name={props.name}
          data-testid={`field-${props.name}`}
          type={isPassword && shown ? 'text' : (props.type ?? 'text')}
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
          autoComplete={props.autoComplete}
          placeholder={props.placeholder}
          maxLength={props.maxLength}
          minLength={props.minLength}
          required={props.required}
          inputMode={props.inputMode}
          pattern={props.pattern}
          autoFocus={props.autoFocus}
          autoCapitalize={props.type && props.type !== 'text' ? 'none' : undefined}
          spellCheck={isPassword ? false : undefined}
          aria-invalid={props.error ? true : undefined}
          aria-describedby={described || undefined}
        />
        {isPassword && (
          <button
            type="button"
            className="icon-button"
            aria-pressed={shown}
            aria-label={t(shown ? 'account.hide_password' : 'account.show_password')}
            onClick={() => setShown(!shown)}
          >
            {shown ? <EyeOffIcon /> : <EyeIcon />}
          </button>
        )}
      </div>
      {props.hint && (
        <p className="hint" id={`${id}h`}>
          {props.hint}
        </p>
      )}
      {props.error && (
        <p className="field-error" id={`${id}e`}>
          {props.error}
        </p>
      )}
    </div>
  );
}

export function Notice({ kind, children }: { kind: 'error' | 'good'; children: ReactNode }) {
  return (
    <div className={`notice notice-${kind}`} role={kind === 'error' ? 'alert' : 'status'} data-testid={`notice-${kind}`}>
      {kind === 'error' && <WarningIcon />}
      <span>{children}</span>
    </div>
  );
}

interface ConfirmProps {
  question: string;
  text: string;
  action: string;
  onConfirm: () => void;
  onClose: () => void;
}

/** A question before something that cannot be undone. The browser's dialog keeps the focus inside. */
export function Confirm({ question, text, action, onConfirm, onClose }: ConfirmProps) {
  const { t } = useTexts();
  return (
    <Dialog title={question} onClose={onClose}>
      <p>{text}</p>
      <div className="dialog-actions">
        <button type="button" className="button button-quiet" autoFocus onClick={onClose}>
          {t('live.cancel')}
        </button>
        <button
          type="button"
          className="button button-danger"
          data-testid="confirm"
          onClick={() => {
            onClose();
            onConfirm();
          }}
        >
          {action}
        </button>
      </div>
    </Dialog>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}

export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Closed before it leaves the document: only then the browser gives the focus back to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element && !element.open) {
      element.showModal();
    }
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={wide ? 'dialog dialog-wide' : 'dialog'}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) {
          onClose(); // the backdrop
        }
      }}
    >
      <div className="dialog-inner">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
