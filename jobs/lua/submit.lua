-- Make a job of a graph, all of it or nothing. Up to SWEEP tasks stand in their lanes and in RQ when it returns, the rest in calls of sweep.
-- ARGV 1 now (µs, '' is Redis's)  2 job id  3 type  4 user  5 org  6 priority  7 params (JSON)
--      8 name of the idempotency key ('' none)  9 digest of what was submitted  10 seconds the key is kept
--      11 version of the job type  12 seconds of audio (0 unknown)  13 upload that the job uses from now on ('' none)
--      14 seconds of recordings that a user may submit a day ('' nothing is charged)  15 bytes that a user may upload a day  16 bytes that came with it
--      17 address to be told when it ends ('' none)  18 line of the task that tells it  19 a secret for its user, who may have none yet
--      20 not before (µs, '' at once)  21… per task, in the graph's order: name, line, payload (JSON), count of needs
-- Returns {'OK', job, 1 when calls of sweep are needed}, also when repeated; the job made before when the key was used for the
-- same; {'REFUSED'} when it was for another. A key whose job was deleted is free again. {'MISSING'} when there is no such upload.
-- {'LIMITED', user, 'seconds' | 'bytes', limit, used, µs until it is free again, 0}.
-- (nothing) -> pending | ready | delayed
--include base rq fair lanes settle limits

local now = clock_now(ARGV[1])
local id, kind, user, org, priority, params = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local idem, digest, idem_s, version, size, upload = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13]
local most_seconds, most_bytes, came = ARGV[14], ARGV[15], ARGV[16]
local url, tells, secret, run_at = ARGV[17], ARGV[18], ARGV[19], ARGV[20]

if call('EXISTS', k_job(id)) == 1 then return { 'OK', id, 0 } end
if idem ~= '' then
  local used, by = string.match(call('GET', k_idem(user, idem)) or '', '^(%S+) (%S+)$')
  local status = used and call('HGET', k_job(used), 'status')
  if status and status ~= 'deleted' then return by == digest and { 'OK', used, 0 } or { 'REFUSED' } end
end
if upload ~= '' and call('EXISTS', k_upload(upload)) == 0 then return { 'MISSING' } end -- it expired, or went with its last job, meanwhile
if most_seconds ~= '' then
  local refused = refuse(user, 'bytes', came, most_bytes, now) or refuse(user, 'seconds', size, most_seconds, now)
  if refused then return refused end
  if came ~= '0' then charge(user, 'bytes', came, now) end
  if size ~= '0' then charge(user, 'seconds', size, now) end
end
if upload ~= '' then
  call('SADD', k_upload_jobs(upload), id)
  call('PERSIST', k_upload(upload))
end
if idem ~= '' then call('SET', k_idem(user, idem), id .. ' ' .. digest, 'EX', idem_s) end

local created = stamp(now)
local names, tasks, state = {}, {}, {}
for i = 21, #ARGV, 4 do
  local name, line, payload, needs = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  names[#names + 1] = name
  tasks[#tasks + 1], tasks[#tasks + 2] = name, line
  if payload ~= '{}' then tasks[#tasks + 1], tasks[#tasks + 2] = name .. ':p', payload end
  state[#state + 1], state[#state + 2] = name, 'new'
  if needs ~= '0' then state[#state + 1], state[#state + 2] = name .. ':w', needs end
end
local more = {}
local function add(field, value) more[#more + 1], more[#more + 2] = field, value end
if version ~= '1' then add('version', version) end
if size ~= '0' then add('size', size) end
if run_at ~= '' then add('at', run_at) end
if url ~= '' then
  add('callback', '-')
  call('HSET', k_callback(id), 'url', url, 'line', tells)
  call('HSETNX', k_callback_secret(user), 'secret', secret)
end
make_job(id, kind, user, org, priority, params, created, names, more)
call('HSET', k_tasks(id), unpack(tasks)) -- 1,000 tasks are 4,000 values, within what unpack takes
call('HSET', k_state(id), unpack(state))

return { 'OK', id, converge(job_of(id), now) and 1 or 0 }
