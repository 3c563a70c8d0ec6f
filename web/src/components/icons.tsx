// SPDX-License-Identifier: GPL-3.0-or-later
// Icons, drawn on a 24 × 24 grid with one stroke width. Decorative: the button carries the name.
import type { ReactNode } from 'react';

function icon(children: ReactNode) {
  return function Icon() {
    return (
      <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        {children}
      </svg>
    );
  };
}

export const PlayIcon = icon(<path className="solid" d="M8 5.2v13.6a.8.8 0 0 0 1.2.7l10.9-6.8a.8.8 0 0 0 0-1.4L9.2 4.5a.8.8 0 0 0-1.2.7z" />);
export const PauseIcon = icon(
  <>
    <rect className="solid" x="6" y="4.5" width="4.2" height="15" rx="1" />
    <rect className="solid" x="13.8" y="4.5" width="4.2" height="15" rx="1" />
  </>,
);
export const SoundIcon = icon(
  <>
    <path className="solid" d="M4 9.2h3.4L12 5v14l-4.6-4.2H4z" />
    <path d="M15.5 8.8a4.6 4.6 0 0 1 0 6.4M18.2 6a8.5 8.5 0 0 1 0 12" />
  </>,
);
export const MutedIcon = icon(
  <>
    <path className="solid" d="M4 9.2h3.4L12 5v14l-4.6-4.2H4z" />
    <path d="M15.8 9.3l5.4 5.4M21.2 9.3l-5.4 5.4" />
  </>,
);
export const FullscreenIcon = icon(<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5" />);
export const ShrinkIcon = icon(<path d="M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5" />);
export const PipIcon = icon(
  <>
    <rect x="3" y="5" width="18" height="14" rx="2" />
    <rect className="solid" x="12" y="12" width="7" height="5" rx="1" />
  </>,
);
export const QualityIcon = icon(
  <>
    <path d="M4 7h9M19 7h1M4 17h1M11 17h9" />
    <circle cx="16" cy="7" r="2.6" />
    <circle cx="8" cy="17" r="2.6" />
  </>,
);
export const HelpIcon = icon(
  <>
    <rect x="2.5" y="6" width="19" height="12.5" rx="2" />
    <path d="M6.5 10h.01M10.2 10h.01M13.8 10h.01M17.5 10h.01M8 14.6h8" />
  </>,
);
export const ClusterIcon = icon(
  <>
    <rect x="8.5" y="3" width="7" height="6" rx="1.5" />
    <rect x="2.5" y="15" width="7" height="6" rx="1.5" />
    <rect x="14.5" y="15" width="7" height="6" rx="1.5" />
    <path d="M10.3 9L7.2 15M13.7 9l3.1 6M9.5 18h5" />
  </>,
);
export const EyeIcon = icon(
  <>
    <path d="M2.5 12S6 5.8 12 5.8 21.5 12 21.5 12 18 18.2 12 18.2 2.5 12 2.5 12z" />
    <circle cx="12" cy="12" r="2.8" />
  </>,
);
export const EyeOffIcon = icon(
  <>
    <path d="M2.5 12S6 5.8 12 5.8 21.5 12 21.5 12 18 18.2 12 18.2 2.5 12 2.5 12z" />
    <path d="M4.5 20L19.5 4" />
  </>,
);
export const CopyIcon = icon(
  <>
    <rect x="8.5" y="8.5" width="11.5" height="11.5" rx="2" />
    <path d="M15.5 5.5V5a1.5 1.5 0 0 0-1.5-1.5H5.5A1.5 1.5 0 0 0 4 5v8.5A1.5 1.5 0 0 0 5.5 15H6" />
  </>,
);
export const CheckIcon = icon(<path d="M4.5 12.5l5 5L20 6.8" />);
export const WarningIcon = icon(
  <>
    <path d="M12 4L2.8 19.5h18.4z" />
    <path d="M12 10v4.5M12 17h.01" />
  </>,
);
export const ArrowIcon = icon(<path d="M5 12h13M13 6.5l5.5 5.5-5.5 5.5" />);
export const PeopleIcon = icon(
  <>
    <circle cx="9" cy="8.5" r="3.2" />
    <path d="M2.8 19c.6-3.4 3-5.4 6.2-5.4s5.6 2 6.2 5.4M16 5.7a3.2 3.2 0 0 1 0 5.7M17.8 14.2c1.9.8 3 2.5 3.4 4.8" />
  </>,
);
export const ReplyIcon = icon(<path d="M10 5.5L4.5 11l5.5 5.5M4.5 11H14a5.5 5.5 0 0 1 5.5 5.5V19" />);
export const TrashIcon = icon(<path d="M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.9 12.5h9.2L17.5 7M10.3 10.5v5.5M13.7 10.5v5.5" />);
/** A note goes with it: the bin, and lines of writing. */
export const NoteIcon = icon(<path d="M2.5 7h11M6 7V4.5h4V7M4 7l.7 12.5h5.8M12.5 12.5h9M12.5 16h9M12.5 19.5h5.5" />);
export const InfoIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 11v5.5M12 7.8h.01" />
  </>,
);
export const CloseIcon = icon(<path d="M6 6l12 12M18 6L6 18" />);
export const SendIcon = icon(<path d="M4.5 12L20 4.5 15 20l-3.4-6.6zM11.6 13.4L20 4.5" />);
export const ShieldIcon = icon(<path d="M12 3.5l7.5 2.8v5.2c0 4.4-3 7.6-7.5 9-4.5-1.4-7.5-4.6-7.5-9V6.3z" />);
export const LampIcon = icon(
  <>
    <path d="M12 3v3.2M7.5 15.5L9.6 6.8h4.8l2.1 8.7z" />
    <path d="M5 20.5c1-2.8 3.6-4.3 7-4.3s6 1.5 7 4.3" />
  </>,
);
export const GearIcon = icon(
  <>
    <circle cx="12" cy="12" r="3" />
    <path d="M12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2" />
  </>,
);
export const ChevronIcon = icon(<path d="M9 5.5l6.5 6.5L9 18.5" />);
export const HeartIcon = icon(<path d="M12 20s-7.5-4.7-7.5-10.2A4.3 4.3 0 0 1 12 7.2a4.3 4.3 0 0 1 7.5 2.6C19.5 15.3 12 20 12 20z" />);
export const PersonIcon = icon(
  <>
    <circle cx="12" cy="8.5" r="3.8" />
    <path d="M4.5 20c.8-4.2 3.6-6.4 7.5-6.4s6.7 2.2 7.5 6.4" />
  </>,
);
