-- Time, ids and the lines that describe tasks. Included by every script.
--
-- A node is a task or one of its children: {id, job, task, n, field, tasks, state}; `n` and `field` are the child's number,
-- and the keys the children's, when it is one.
-- state hash, for each node: <field> its state (`new`, or nothing for a child: pending, and not known to RQ yet), and <field>:<letter>
--   w needs not yet met   c 1 when chained   n attempts charged   g attempts granted   r run   b began   e ended
--   v charged until (set while RQ shows it as started)   k worker   p progress 0..1   m message   z cancelled because of
--   ct, cc, cf children in all, completed, failed   ca failures allowed   cp sum of the children's progress
--   fl, rv numbers of the failed ones, of those that converge is to revive   ws work of the children in all (µs)
--   q serial in its lane   u run that took a place in its engine's quota, or `waits` for one

local call = redis.call

-- Times are whole microseconds, since the epoch by Redis's own clock unless a test passes one. Redis keeps whole numbers
-- as 8 bytes and compares them without parsing; a fraction costs twice that and a printf at every turn.
local SECOND = 1000000

local function clock_now(given)
  if given ~= '' then return tonumber(given) end
  local t = call('TIME')
  return t[1] * SECOND + t[2]
end

local stamps = {} -- the same few times are written again and again
local function stamp(us)
  local text = stamps[us]
  if not text then
    text = string.format('%d', us)
    stamps[us] = text
  end
  return text
end

-- By plain finds, here and below: a pattern takes five times as long, and both are made twice a task.
local function locate(id) -- <job>-<task> or <job>-<task>-<n>; nil for anything else
  local first = string.find(id, '-', 1, true)
  if not first or first == 1 or string.find(id, ':', 1, true) then return nil end
  local second = string.find(id, '-', first + 1, true)
  local job, task, n = string.sub(id, 1, first - 1), string.sub(id, first + 1, (second or 0) - 1), second and string.sub(id, second + 1)
  if task == '' or (n and not string.find(n, '^%d+$')) then return nil end
  if not n then
    return { id = id, job = job, task = task, field = task,
             tasks = k_tasks(job), state = k_state(job) }
  end
  return { id = id, job = job, task = task, n = n, field = n,
           tasks = k_child_tasks(job, task), state = k_child_state(job, task) }
end

-- A claim that took several tasks made a run of each: <its id>, <its id>.2, <its id>.3, …
local function claim_of(run) return string.match(run, '^[^.]+') end
local function run_at(claim, n) return n == 1 and claim or claim .. '.' .. n end

local function outputs_of(node)
  if node.n then return k_child_outputs(node.job, node.task) end
  return k_outputs(node.job)
end

local function parent_of(node) return locate(node.job .. '-' .. node.task) end
local function child_of(node, n) return locate(node.id .. '-' .. n) end

-- A task's line: engine queue optional attempts backoff timeout needs dependents, each list with commas, - when empty;
-- and its payload if that is asked for.
local function line_of(node, loaded)
  local line, payload
  if loaded then
    local f = call('HMGET', node.tasks, node.n and '*' or node.field, node.field .. ':p')
    line, payload = f[1], f[2] or '{}'
  else line = call('HGET', node.tasks, node.n and '*' or node.field) end
  local ends, at = { 0, 0, 0, 0, 0, 0, 0 }, 0 -- of all words but the last
  for word = 1, 7 do
    at = string.find(line, ' ', at + 1, true)
    ends[word] = at
  end
  local queue = string.sub(line, ends[1] + 1, ends[2] - 1)
  return { text = line, engine = string.sub(line, 1, ends[1] - 1), queue = queue, optional = string.byte(line, ends[2] + 1) == 49, -- 49 is 1
           attempts = tonumber(string.sub(line, ends[3] + 1, ends[4] - 1)), needs = string.sub(line, ends[6] + 1, ends[7] - 1),
           dependents = string.sub(line, ends[7] + 1), payload = payload, long = string.sub(queue, -4) == 'long' }
end

local function numbers_below(total) -- the fields of so many children
  local numbers = {}
  for n = 0, tonumber(total or 0) - 1 do numbers[n + 1] = tostring(n) end
  return numbers
end

local function names_in(list) return string.gmatch(list ~= '-' and list or '', '[^,]+') end

-- The job's own fields, read once a call and kept; what is noted of them is written when the call ends.
local known_jobs = {}
local function job_of(id)
  local job = known_jobs[id]
  if not job then
    local f = call('HMGET', k_job(id), 'status', 'user', 'org', 'priority', 'type', 'created', 'kids', 'cause', 'rev', 'left',
      'size', 'version', 'params', 'callback', 'at')
    job = { id = id, status = f[1], user = f[2], org = f[3], priority = f[4], type = f[5], created = f[6],
            kids = f[7] or '-', cause = f[8] or '', rev = f[9] or 0, left = tonumber(f[10] or 0),
            size = tonumber(f[11] or 0), version = f[12] or '1', params = f[13], callback = f[14], at = tonumber(f[15] or 0),
            touched = false, noted = 0, notes = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } }
    known_jobs[id] = job
  end
  return job
end

-- Long ones have a key of their own (docs/decisions/0017-short-values-in-small-hashes.md); none are {}. A job of before has them
-- among its fields, however long.
local function params_of(job) return job.params or call('GET', k_params(job.id)) or '{}' end

local function note(job, field, value)
  local notes, noted = job.notes, job.noted
  notes[noted + 1], notes[noted + 2], job.noted = field, value, noted + 2
end

local function set_status(job, status) -- moves the job's id between the indexes of statuses
  call('ZREM', k_status(job.status), job.id)
  call('ZADD', k_status(status), job.created, job.id)
  job.status = status
  note(job, 'status', status)
end

local function alive(job) return job.status == 'running' or job.status == 'pending' end
local function unfinished(state)
  return state == 'new' or state == 'pending' or state == 'ready' or state == 'delayed' or state == 'running' or state == 'joining'
end
-- What is seen of it has changed.
local function touch(job) job.touched = true end

-- What is seen of a job is also how its end is told: it changes with the job that tells it.
local function touch_told(job)
  local rev = job.callback ~= '-' and call('HGET', k_job(job.callback), 'rev')
  if rev then call('HSET', k_job(job.callback), 'rev', stamp(rev + 1)) end
end

local function write_jobs()
  for id, job in pairs(known_jobs) do
    if job.touched then
      note(job, 'rev', stamp(job.rev + 1))
      if job.callback then touch_told(job) end
    end
    if job.noted > 0 then call('HSET', k_job(id), unpack(job.notes, 1, job.noted)) end
  end
end
