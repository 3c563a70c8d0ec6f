-- Time-outs, the first to end first: who looks for past ones reads no other member.
CREATE INDEX chat_member_until ON chat_member (banned_until)
  WHERE is_banned = 1 AND is_moderator = 0 AND banned_until IS NOT NULL;
