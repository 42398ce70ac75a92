-- Read a job, if who asks may see it, and where it stands in its queues, in one round trip. Writes nothing but that somebody asked, and
-- once a minute that the token was used.
-- ARGV 1 now (µs, '' is Redis's)  2 job  3 digest of the asker's token ('' is who may see every job)
--      4 what the caller still has of the job: '<revision> <created>', or ''  5 a revision: has the job ended at that, nothing is read; or ''
--      6 with 4: its first ready task, or ''  7 requests that a user may make a minute  8… the queues of its unfinished tasks
-- Returns {'OK', what, now, who, job, tasks, state, outputs, speeds, limit, held, standing, lines}; {'MISSING', who}, also when it is
-- someone else's; {'NOBODY'} when the token is nobody's; {'LIMITED', …} as who.lua. Draws no arrow. Of a job that has ended the last five are empty.
-- what: new | same, as the caller has it | ended, at the revision of 5: only of a new one job, tasks, state and outputs are read
-- who: as who.lua tells; of no token {}
-- job: type, user, org, priority, status, params, created, started, ended, rev, size, order, at, callback (as callback_of tells it, or {})
-- tasks, in that order: their lines   state, outputs: fields and values
-- limit: how many tasks of its organisation may run at once, 0 for any number
-- held: '' | queue | organisation | type, what is paused | limit, so many run | worker, none serves the queue it is ready in
-- standing, when a task of it is ready, else {}: task, queue, ahead (of the same organisation and priority, before it)
-- lines, for each queue of an unfinished task: queue, ids of the same organisation and priority in the chained and in the fresh
--   lane, other organisations waiting at the priority, runs now, workers, mean length of a run (µs), share of claims that take
--   a fresh task (millionths), claims ever, ids in the lanes per priority (4)
--include base rq fair lanes settle people standing limits

local now, digest, kept, told = clock_now(ARGV[1]), ARGV[3], ARGV[4], ARGV[5]
local who = digest ~= '' and person_of(digest, now) or {}
if digest ~= '' and not who[1] then return { 'NOBODY' } end
local refused = digest ~= '' and who[3] ~= 'admin' and count_request(who, ARGV[7], now)
if refused then return refused end
local f = call('HMGET', k_job(ARGV[2]), 'status', 'user', 'org', 'priority', 'type', 'created', 'rev')
local job = { id = ARGV[2], status = f[1], user = f[2], org = f[3], priority = f[4], type = f[5], created = f[6], rev = f[7] or '0' }
if not job.status or job.status == 'deleted' then return { 'MISSING', who } end
if digest ~= '' and who[3] ~= 'admin' and who[1] ~= job.user then return { 'MISSING', who } end
local lives = alive(job)
local what = kept == job.rev .. ' ' .. job.created and 'same' or not lives and told == job.rev and 'ended' or 'new'
if what ~= 'new' and not lives then return { 'OK', what, stamp(now), who, {}, {}, {}, {}, {}, '0', '', {}, {} } end

local function standing_of(node, line)
  local f = call('HMGET', node.state, node.field .. ':c', node.field .. ':q')
  local chained, queue = f[1] == '1', line[1]
  local before, mine = chained and 0 or line[2], chained and line[2] or line[3]
  local tail = tonumber(call('HGET', k_fair(queue, job.org), tail_of(job.priority, chained)) or 0)
  local place = mine - tail + tonumber(f[2] or tail) - 1
  return { node.task, queue, before + math.min(math.max(place, 0), math.max(mine - 1, 0)) }
end

local first, queues, fields, tasks, state, outputs = ARGV[6], { unpack(ARGV, 8) }, {}, {}, {}, {}
if what == 'new' then
  fields = call('HMGET', k_job(job.id), 'type', 'user', 'org', 'priority', 'status', 'params', 'created', 'started', 'ended', 'rev',
    'size', 'order', 'at', 'callback')
  if not fields[6] then fields[6] = call('GET', k_params(job.id)) or '{}' end
  fields[14] = fields[14] == '-' and callback_of(job.id) or {}
  local names = {}
  for name in names_in(fields[12]) do names[#names + 1] = name end
  tasks, state, outputs = call('HMGET', k_tasks(job.id), unpack(names)), call('HGETALL', k_state(job.id)), call('HGETALL', k_outputs(job.id))
  first, queues = '', {}
  if lives then
    local found = {}
    for i, one in ipairs(states_of(k_state(job.id), names)) do
      local queue = unfinished(one) and string.match(tasks[i], '^%S+ (%S+)')
      if queue and not found[queue] then
        found[queue] = true
        queues[#queues + 1] = queue
      end
      if one == 'ready' and first == '' then first = names[i] end
    end
  end
end
local speeds = call('HGETALL', k_speeds())
if not lives then return { 'OK', what, stamp(now), who, fields, tasks, state, outputs, speeds, '0', '', {}, {} } end

local lines, standing, line_of_first = {}, {}, nil
local node = first ~= '' and locate(job.id .. '-' .. first)
local waits_in = node and line_of(node).queue
for i, queue in ipairs(queues) do
  lines[i] = line_for(job, queue)
  if queue == waits_in then line_of_first = lines[i] end
end
if node then standing = standing_of(node, line_of_first) end
return { 'OK', what, stamp(now), who, fields, tasks, state, outputs, speeds,
         call('HGET', k_org(job.org), 'max_running') or '0', held_by(job, line_of_first), standing, lines }
