-- Whom a token's digest stands for. Included by whoever answers people.

local function person_of(digest) -- {user, organisation, role, created, most =}, nil: nobody
  local user = call('HGET', k_token(digest), 'user')
  local f = user and call('HMGET', k_user(user), 'org', 'role', 'created', 'max_requests')
  if f and f[1] and f[2] then return { user, f[1], f[2], f[3] or '0', most = f[4] } end
end
