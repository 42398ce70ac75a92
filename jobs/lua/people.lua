-- Whom a token's digest stands for, and when it was used. Needs base.

-- {user, organisation, role, created, most =}, nil: nobody. The use is noted once a minute, so that a poll nearly always only reads; and by
-- pcall, for a Redis that takes no writes (full, a replica, a disk that failed) still says who asks.
local function person_of(digest, now)
  local t = call('HMGET', k_token(digest), 'user', 'used', 'idle')
  local f = t[1] and call('HMGET', k_user(t[1]), 'org', 'role', 'created', 'max_requests')
  if not (f and f[1] and f[2]) then return nil end
  if now - (tonumber(t[2]) or 0) >= 60 * SECOND then
    redis.pcall('HSET', k_token(digest), 'used', stamp(now))
    if t[3] then redis.pcall('EXPIRE', k_token(digest), t[3]) end
  end
  return { t[1], f[1], f[2], f[3] or '0', most = f[4] }
end
