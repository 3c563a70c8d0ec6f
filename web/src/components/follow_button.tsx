// SPDX-License-Identifier: GPL-3.0-or-later
// Follow and no longer follow, and how many do. Changes at once; a refusal takes it back.
import { useCallback, useState } from 'react';
import { ApiError } from '../api/client';
import { people, type Profile } from '../api/people';
import { useSession } from '../api/session';
import { useTexts } from '../i18n/context';
import { compactCount } from '../lib/format';
import { usePoll } from '../lib/poll';
import { nextAfterLogin, useNavigation } from '../router';
import { HeartIcon } from './icons';

// How many follow changes while one watches. Unit: ms.
const profileEvery = 60_000;

/** A profile, asked for again when someone logs in or out, and now and then. */
export function useProfile(userId: number | null) {
  const { state } = useSession();
  const [profile, setProfile] = useState<Profile | null>(null);
  const ask = async (signal: AbortSignal) => {
    if (userId !== null) {
      const answer = await people.profile(userId, signal);
      if (!signal.aborted) {
        setProfile(answer);
      }
    }
  };
  usePoll(userId === null || state === 'unknown' ? null : ask, profileEvery, `${userId} ${state}`);
  return [profile, setProfile] as const;
}

interface FollowProps {
  profile: Profile;
  change: (profile: Profile) => void;
  /** The server has it. */
  done?: (follows: boolean) => void;
  small?: boolean;
}

export function FollowButton({ profile, change, done, small = false }: FollowProps) {
  const { t, errorText } = useTexts();
  const { state, user } = useSession();
  const { route, search, navigate } = useNavigation();
  const [working, setWorking] = useState(false);
  const [code, setCode] = useState<string | null>(null);
  const follows = profile.is_followed === true;

  const press = useCallback(async () => {
    if (state !== 'in') {
      navigate(`/login${nextAfterLogin(route, search)}`);
      return;
    }
    setWorking(true);
    setCode(null);
    const count = Math.max(0, profile.follower_count + (follows ? -1 : 1));
    change({ ...profile, is_followed: !follows, follower_count: count });
    try {
      const now = await people.follow(profile.user_id, !follows);
      change({ ...profile, is_followed: now.is_followed, followed_at: now.followed_at, follower_count: now.follower_count });
      done?.(now.is_followed === true);
    } catch (error) {
      change(profile);
      setCode(error instanceof ApiError ? error.code : 'network');
    }
    setWorking(false);
  }, [state, profile, follows, change, done, navigate, route, search]);

  if (user?.user_id === profile.user_id) {
    return null;
  }
  return (
    <>
      <button
        type="button"
        className={`button ${follows ? 'button-quiet' : ''} ${small ? 'button-small' : ''} follow`}
        aria-pressed={follows}
        aria-label={t(follows ? 'follow.stop_label' : 'follow.start_label', { user: profile.username })}
        disabled={working}
        data-testid="follow"
        onClick={() => void press()}
      >
        <HeartIcon />
        {t(follows ? 'follow.on' : 'follow.start')}
      </button>
      {code && <span className="field-error" role="alert">{errorText(code)}</span>}
    </>
  );
}

export function FollowerCount({ profile }: { profile: Profile }) {
  const { plural, language } = useTexts();
  const count = profile.follower_count;
  const exact = plural('followers', count, { count: count.toLocaleString(language) });
  return (
    <span className="about-fact" title={exact} data-testid="followers" data-followers={count}>
      {plural('followers', count, { count: compactCount(count, language) })}
    </span>
  );
}
