-- Choose the next task and begin a run of it: claim rules 1 to 4. Needs base, rq, fair, settle, plain, inbox, lose, erase.
--
-- ready -> running. Returns {'CLAIMED', rq_job, type, user, org, attempts, granted, now, line, params, payload, need, output, …}
-- or {'PLAIN', @id, queue, runs of it that were lost, why the last was, now} of a plain RQ job, or {'IDLE', seconds to wait at most}.

local TOMBSTONES = 50  -- dropped a call at most
local PROMOTED = '20'   -- delayed tasks made ready a call at most
local IDLE_S = 5

local function promote(now) -- delayed -> ready
  for _, id in ipairs(call('ZRANGEBYSCORE', k_delayed(), '-inf', stamp(now), 'LIMIT', '0', PROMOTED)) do
    call('ZREM', k_delayed(), id)
    local node = locate(id)
    local job, line = job_of(node.job), line_of(node)
    rq_leave(node, line.queue, 'delayed')
    if fenced(node, job) then cancel_node(node, line, job, 'ready', now, job.cause)
    else make_ready(node, line, job, now, false) end
    touch(job)
  end
end

local function answer(node, job, line, r, now)
  local payload = call('HGET', node.tasks, node.field .. ':p')
  local reply = { 'CLAIMED', node.id, job.type, job.user, job.org, tostring(r.attempts), tostring(r.granted or line.attempts),
                  stamp(now), line.text, call('HGET', k_job(job.id), 'params'), payload or '{}' }
  if not node.n then
    for need in names_in(line.needs) do
      local output = call('HGET', outputs_of(node), need)
      if output and call('HGET', node.state, need) == 'completed' then
        reply[#reply + 1] = need
        reply[#reply + 1] = output
      end
    end
  end
  return reply
end

local function begin(node, job, r, run, worker, now)
  r.attempts = r.attempts + 1
  set(node, 'running', node.field .. ':r', run, node.field .. ':b', stamp(now), node.field .. ':k', worker,
    node.field .. ':n', stamp(r.attempts))
  call('ZADD', k_leases(), stamp(now + LEASE_US), node.id .. ':' .. run)
  if job.status == 'pending' then set_status(job, 'running', now, 'started', stamp(now)) end
  touch(job)
end

-- One organisation's next live task of one priority, chained before fresh; drops tombstones.
-- Returns how many it has dropped in all and, if it found one, {node, line, job, r, emptied}.
local function pop(queue, priority, org, dropped, now)
  local chained, fresh = rq_lane(queue, priority, true, org), rq_lane(queue, priority, false, org)
  while dropped < TOMBSTONES do
    local id, lane, other = rq_pop(chained), chained, fresh
    if not id then id, lane, other = rq_pop(fresh), fresh, chained end
    local holds, known = rq_left(lane, id)
    local emptied = not holds and not rq_holds(other)
    local node = id and locate(id)
    local r = node and run_of(node)
    if r and r.state == 'ready' then
      local job, line = job_of(node.job), line_of(node)
      if fenced(node, job) then cancel_node(node, line, job, r.state, now, job.cause)
      elseif known then return dropped, { node = node, line = line, job = job, r = r, emptied = emptied }
      else cancel_job(job, now) end -- one of RQ's tools has deleted its rq_job
    elseif id and org == PLAIN_ORG and rq_waits(id) then return dropped, { plain = id, emptied = emptied } end
    if id then dropped = dropped + 1 end -- cancelled, or pushed twice and taken already
    if emptied then
      fair_unwait(queue, org, priority)
      break
    end
  end
  return dropped
end

local function waits(queue)
  return call('EXISTS', k_ready(queue, 'high'), k_ready(queue, 'normal'), k_ready(queue, 'low'), k_ready(queue, 'background')) > 0
end

local function idle(now, more)
  local wait = more and 0 or IDLE_S
  for _, key in ipairs({ k_delayed(), k_leases() }) do
    local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then wait = math.min(wait, math.max((first[2] - now) / SECOND, 0.01)) end
  end
  return { 'IDLE', string.format('%.3f', wait) }
end

local take

take = function(now, worker, run, queues, tidied)
  local closed = call('EXISTS', 'rq:suspended', k_pauses(), rq_inboxes(queues)) > 0
  if closed and call('EXISTS', 'rq:suspended') == 1 then return { 'IDLE', '1' } end
  promote(now)
  local more = closed and adopt_all(queues, now)
  local dropped = 0
  for queue in string.gmatch(queues, '%S+') do
    if not (closed and call('SISMEMBER', k_pauses(), 'queue:' .. queue) == 1) then
      for _, priority in ipairs(ORDER) do
        while dropped < TOMBSTONES do
          local org = call('ZRANGE', k_ready(queue, priority), '0', '0')[1]
          if not org then break end
          local found
          dropped, found = pop(queue, priority, org, dropped, now)
          if found then
            fair_take(queue, org, priority, found.emptied)
            if not found.emptied or waits(queue) then ring(queue) end
            if found.plain then return plain_begin(found.plain, queue, run, worker, now) end
            begin(found.node, found.job, found.r, run, worker, now)
            return answer(found.node, found.job, found.line, found.r, now)
          end
        end
      end
    end
  end
  if not tidied then -- what others lost, or left half done, is to be had now
    local swept = sweep_oldest(now)
    if reap(now) > 0 or swept then return take(now, worker, run, queues, true) end
  end
  return idle(now, more or dropped >= TOMBSTONES or call('EXISTS', k_sweeps()) == 1)
end

local function again(id, run) -- the same call repeated: the same answer
  local plain = plain_named(id)
  if plain then
    local p = plain_of(plain)
    return p and p.run == run and plain_reply(p) or nil
  end
  local node = locate(id)
  local r = run_of(node)
  if r.state ~= 'running' or r.run ~= run then return nil end
  return answer(node, job_of(node.job), line_of(node), r, r.began)
end
