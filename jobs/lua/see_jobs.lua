-- Read jobs, each as it is at one moment, with the lists it stands in: what doctor holds against itself.
-- ARGV job…
-- Returns {'OK', then for each of the first jobs {job} when there is none, or
--   {job, fields…, lists…, lines, state, {task, line, state} for each task with children}}: as many jobs as READ values allow, at least one.
--   fields as FIELDS; lists: how it stands in all, the user's, the organisation's, sweeps, then each status: its score or ''.
-- Draws no arrow.
--include base

local READ = 3000
local FIELDS = { 'status', 'user', 'org', 'priority', 'created', 'left', 'order', 'kids', 'late' }
local STATUSES = { 'pending', 'running', 'completed', 'failed', 'cancelled' }

local read = 0
local function kept(values)
  read = read + #values
  return values
end

local function listed(key, id) return call('ZSCORE', key, id) or '' end

local function see(id)
  local f = call('HMGET', k_job(id), unpack(FIELDS))
  if not f[1] then return { id } end
  local seen = { id }
  for i = 1, #FIELDS do seen[#seen + 1] = f[i] or '' end
  local user, org = f[2] or '', f[3] or ''
  for _, key in ipairs({ k_jobs(), k_user_jobs(user), k_org_jobs(org), k_sweeps() }) do seen[#seen + 1] = listed(key, id) end
  for _, status in ipairs(STATUSES) do seen[#seen + 1] = listed(k_status(status), id) end
  local names = {}
  for name in names_in(f[7] or '-') do names[#names + 1] = name end
  local lines = #names > 0 and kept(call('HMGET', k_tasks(id), unpack(names))) or {}
  for i = 1, #names do lines[i] = lines[i] or '' end
  seen[#seen + 1] = lines
  seen[#seen + 1] = kept(call('HGETALL', k_state(id)))
  for task in names_in(f[8] or '-') do
    seen[#seen + 1] = { task, call('HGET', k_child_tasks(id, task), '*') or '', kept(call('HGETALL', k_child_state(id, task))) }
  end
  return seen
end

local reply = { 'OK' }
for i = 1, #ARGV do
  if read > READ then break end
  reply[#reply + 1] = see(ARGV[i])
end
return reply
