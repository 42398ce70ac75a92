-- A job of its own tells of each end of a job that was submitted with a callback: made in the step that ends the job, so that there is
-- no end without it and none without an end. Included by settle.
-- job hash, field `callback`: - where an address waits to be told, the id of the job it tells of where it is one that tells
-- callback hash: url, line (of the task `send`), n ends so far, job that tells of the last of them

local SHORT = 64 -- longer values make a hashtable of a small hash (hash-max-listpack-value)

-- (nothing) -> pending; its tasks are for the caller to write
local function make_job(id, kind, user, org, priority, params, created, names, more)
  if #params > SHORT then call('SET', k_params(id), params) elseif params ~= '{}' then more[#more + 1], more[#more + 2] = 'params', params end
  call('HSET', k_job(id), 'type', kind, 'user', user, 'org', org, 'priority', priority, 'status', 'pending', 'created', created,
    'left', #names, 'order', table.concat(names, ','), 'rev', 1, unpack(more))
  call('ZADD', k_jobs(), created, id)
  call('ZADD', k_user_jobs(user), created, id)
  call('ZADD', k_org_jobs(org), created, id)
  call('ZADD', k_status('pending'), created, id)
end

-- Of an id that was given to two jobs, one after the other, each has callbacks of its own.
local function callback_id(job, n)
  return string.sub(redis.sha1hex(job.id .. ' ' .. job.created .. ' ' .. n), 1, 16)
end

-- (nothing) -> ready: the job that tells of the end that `job` has just come to
local function call_back(job, now)
  local f = call('HMGET', k_callback(job.id), 'line', 'n')
  if not f[1] then return end -- it is one that tells
  local n = tonumber(f[2] or 0) + 1
  local id = callback_id(job, n)
  local params = '{"job":"' .. job.id .. '","event":' .. n .. ',"status":"' .. job.status .. '"}' -- none of it needs escaping
  call('HSET', k_callback(job.id), 'n', n, 'job', id)
  make_job(id, 'callback', job.user, job.org, 'normal', params, stamp(now), { 'send' }, { 'callback', job.id })
  call('HSET', k_tasks(id), 'send', f[1])
  local node = locate(id .. '-send')
  start(node, line_of(node), job_of(id), now, true)
end

-- url; then of the job that tells of the last end, if it has come to one: id, status ('' when it was deleted), attempts, error, when the
-- last attempt began, when it ended, when the next one is due
local function callback_of(id)
  local f = call('HMGET', k_callback(id), 'url', 'job')
  if not f[2] then return { f[1] or '' } end
  local node = locate(f[2] .. '-send')
  local s = call('HMGET', node.state, 'send:n', 'send:b', 'send:e')
  return { f[1], f[2], call('HGET', k_job(f[2]), 'status') or '', s[1] or '0', call('HGET', outputs_of(node), 'send:x') or '',
           s[2] or '', s[3] or '', call('ZSCORE', k_delayed(), node.id) or '' }
end
