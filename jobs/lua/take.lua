-- Choose the next task and begin a run of it: claim rules 1 to 6. Needs base, rq, fair, lanes, settle, plain, inbox, held, lose, erase.
--
-- ready -> running. Returns {'CLAIMED', rq_job, type, version, user, org, attempts, granted, now, line, params, payload, need, output, …}
-- or {'PLAIN', @id, queue, runs of it that were lost, why the last was, now} of a plain RQ job, or {'IDLE', seconds to wait at most}.

local TOMBSTONES = 50  -- ids dropped or held, organisations parked or gone: in a call at most
local FIRST = 25       -- of them of one organisation, before another that waits is looked at
local PROMOTED = '20'   -- delayed tasks made ready a call at most
local IDLE_S = 5

local function promote(now) -- delayed -> ready
  for _, id in ipairs(call('ZRANGEBYSCORE', k_delayed(), '-inf', stamp(now), 'LIMIT', '0', PROMOTED)) do
    call('ZREM', k_delayed(), id)
    local node = locate(id)
    if node and call('HGET', node.state, node.field) == 'delayed' then
      local job, line = job_of(node.job), line_of(node)
      rq_leave(node, line.queue, 'delayed')
      if fenced(node, job) then cancel_node(node, line, job, 'ready', now, job.cause)
      else make_ready(node, line, job, now, call('HGET', node.state, node.field .. ':u') == 'waits') end -- its place in a quota is due
      touch(job)
    end
  end
end

local function answer(node, job, line, r, now)
  local payload = call('HGET', node.tasks, node.field .. ':p')
  local reply = { 'CLAIMED', node.id, job.type, job.version, job.user, job.org, tostring(r.attempts), tostring(r.granted or line.attempts),
                  stamp(now), line.text, params_of(job), payload or '{}' }
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

local function waits(queue)
  return call('EXISTS', k_ready(queue, 'high'), k_ready(queue, 'normal'), k_ready(queue, 'low'), k_ready(queue, 'background')) > 0
end

-- One organisation's next live task of one priority, chained before fresh (or chained `only`); drops tombstones, holds what is paused.
-- Returns how many ids it took without a claim, in all, and if it found one {node, line, job, r, emptied, fresh}.
local function pop(queue, priority, org, only, dropped, most, now, paused)
  local chained, fresh = rq_lane(queue, priority, true, org), rq_lane(queue, priority, false, org)
  local clock, waiting = clock_of(queue), 'w' .. LETTER[priority]
  while dropped < most do
    local id, lane, other = rq_pop(chained), chained, fresh
    if not id and only then break end
    if not id then id, lane, other = rq_pop(fresh), fresh, chained end
    if id then clock[waiting] = clock[waiting] - 1 end -- written by fair_take, or below
    local holds, known = rq_left(lane, id)
    local emptied = not holds and not rq_holds(other)
    local node = id and locate(id)
    local r = node and run_of(node)
    if r and r.state == 'ready' then
      local job, line = job_of(node.job), line_of(node)
      if fenced(node, job) then cancel_node(node, line, job, r.state, now, job.cause)
      elseif not known then cancel_job(job, now) -- one of RQ's tools has deleted its rq_job
      elseif paused and call('SISMEMBER', k_pauses(), 'type:' .. job.type) == 1 then hold(id, job.type)
      else return dropped, { node = node, line = line, job = job, r = r, emptied = emptied, fresh = lane == fresh } end
    elseif id and org == PLAIN_ORG and rq_waits(id) then return dropped, { plain = id, emptied = emptied, fresh = true } end
    if id or emptied then dropped = dropped + 1 end -- cancelled, or pushed twice and taken already, or the lanes are gone
    if emptied then
      fair_unwait(queue, org, priority)
      break
    end
  end
  call('HSET', k_clock(queue), waiting, stamp(clock[waiting]))
  return dropped
end

local function first_but(key, passed) -- of an order, `passed` left out
  if not passed then return call('ZRANGE', key, '0', '0')[1] end
  local two = call('ZRANGE', key, '0', '1')
  return two[1] ~= passed and two[1] or two[2]
end

-- Rule 5: the next of the priorities below the highest that waits, and of its organisations the one that has waited longest
-- for such a turn. By turns and not by virtual time, so that the bound holds whatever the tasks take.
local function lower_turn(queue, highest)
  local clock, below = clock_of(queue), #ORDER - highest
  local last = math.max(clock.l, highest)
  for step = 0, below - 1 do
    local at = (last - highest + step) % below + highest + 1
    local org = call('ZRANGE', k_turns(queue, ORDER[at]), '0', '0')[1]
    if org then return at, org end
  end
end

local function given_turn(queue, at, org, now) -- to none that was parked or had nothing but tombstones: the priority's turn is still to come
  local clock = clock_of(queue)
  clock.l, clock.d = at, clock.t + TURN
  call('HSET', k_clock(queue), 'l', stamp(at), 'd', stamp(clock.d))
  call('ZADD', k_turns(queue, ORDER[at]), stamp(now), org)
end

-- FAIR_ORDER=chained,priority: the organisation whose turn it is among those with chained tasks, of the highest priority
-- that has any. The index may be behind (a process that kept none was here): what is not so is dropped from it.
local function chained_first(queue, passed)
  for _, priority in ipairs(ORDER) do
    for _ = 1, TOMBSTONES do
      local org = first_but(k_chained(queue, priority), passed)
      if not org then break end
      if rq_holds(rq_lane(queue, priority, true, org)) then return priority, org end
      call('ZREM', k_chained(queue, priority), org)
    end
  end
end

-- Whose turn it is in a queue, `passed` left out and no turn of rule 5 if one is `kept`: priority, organisation, in a turn of
-- rule 5 the priority's place in ORDER, and whether of its chained tasks only.
local function choose(queue, passed, kept)
  for at, priority in ipairs(ORDER) do
    local org = first_but(k_ready(queue, priority), passed)
    if org then
      if at < #ORDER and not kept and clock_of(queue).t >= clock_of(queue).d then
        local lower, other = lower_turn(queue, at)
        if lower then return ORDER[lower], other, lower end
      end
      if CHAINED_FIRST == 1 then
        local first, chained_org = chained_first(queue, passed)
        if first then return first, chained_org, nil, true end
      end
      return priority, org
    end
  end
end

-- The fairest task of a queue, its run begun: what `answer` tells; else how many ids were taken without a claim, in all, and
-- whether an organisation was passed over because of what it had cancelled: a turn of rule 5 is kept for it.
local function serve(queue, worker, run, dropped, now, paused)
  local passed, kept
  while dropped < TOMBSTONES do
    local priority, org, turn, only = choose(queue, passed, kept)
    if not priority and passed then priority, org, turn, only = choose(queue, nil, kept) end -- nobody else waits
    if not priority then break end
    local share = share_of(queue, org)
    if (share.own.limit > 0 and share.own.running >= share.own.limit)
        or (paused and call('SISMEMBER', k_pauses(), 'org:' .. org) == 1) then
      park(share)
      dropped = dropped + 1
    else
      local most, found = passed and TOMBSTONES or math.max(FIRST, dropped + 1), nil
      dropped, found = pop(queue, priority, org, only, dropped, most, now, paused)
      if found then
        if turn then given_turn(queue, turn, org, now) end
        fair_take(queue, org, priority, found.emptied, found.fresh)
        if not found.emptied or waits(queue) then ring(queue) end
        if found.plain then return plain_begin(found.plain, queue, run, worker, now) end
        begin(found.node, found.job, found.r, run, worker, now)
        return answer(found.node, found.job, found.line, found.r, now)
      end
      if dropped >= most then passed, kept = passed or org, kept or turn end
    end
  end
  return nil, dropped, passed and waits(queue)
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
  local paused = call('EXISTS', 'rq:suspended', k_pauses(), rq_inboxes(queues)) > 0 -- or something is in an inbox
  if paused and call('EXISTS', 'rq:suspended') == 1 then return { 'IDLE', '1' } end
  promote(now)
  local more = paused and adopt_all(queues, now)
  local dropped = 0
  for queue in string.gmatch(queues, '%S+') do
    if not (paused and call('SISMEMBER', k_pauses(), 'queue:' .. queue) == 1) then
      local found, passed
      found, dropped, passed = serve(queue, worker, run, dropped, now, paused)
      if found then return found end
      more = more or passed
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
