-- Choose the next tasks and begin a run of each: claim rules 1 to 6. Needs base, rq, fair, lanes, settle, plain, inbox, held, lose, erase.
--
-- ready -> running. Returns {'CLAIMED', {rq_job, run, type, version, user, org, attempts, granted, now, line, params, payload, need, output, …}, …}
-- or {'PLAIN', @id, queue, runs of it that were lost, why the last was, now} of a plain RQ job, or {'IDLE', seconds to wait at most}.

local TOMBSTONES = 50  -- ids dropped or held, organisations parked or gone: in a call at most
local FIRST = 25       -- of them of one organisation, before another that waits is looked at
local PROMOTED = '20'   -- delayed tasks made ready a call at most
local IDLE_S = 5

-- Runs are claimed several at once while a queue's take less than this in the mean, in which one of ten seconds counts for some sixty.
-- A turn of rule 5 is the first of its claim or none: what comes later may be given back unbegun, and the turn would be gone. What was
-- tried before is the last or alone: if it has killed a whole worker, with all that it held, the others are to part from it.
local BRIEF_US = 1000

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
  local reply = { node.id, r.run, job.type, job.version, job.user, job.org, tostring(r.attempts), tostring(r.granted or line.attempts),
                  stamp(now), line.text, params_of(job), line.payload }
  if not node.n and line.needs ~= '-' then
    local needs = {}
    for need in names_in(line.needs) do needs[#needs + 1] = need end
    local outputs, states = call('HMGET', outputs_of(node), unpack(needs)), call('HMGET', node.state, unpack(needs))
    for i, need in ipairs(needs) do
      if outputs[i] and states[i] == 'completed' then
        reply[#reply + 1], reply[#reply + 2] = need, outputs[i]
      end
    end
  end
  return reply
end

local function begin(node, job, r, run, worker, now)
  r.attempts, r.run = r.attempts + 1, run
  set(node, 'running', node.field .. ':r', run, node.field .. ':b', stamp(now), node.field .. ':k', worker,
    node.field .. ':n', stamp(r.attempts))
  call('ZADD', k_leases(), stamp(now + LEASE_US), node.id .. ':' .. run)
  if job.status == 'pending' then
    set_status(job, 'running')
    note(job, 'started', stamp(now))
  end
  touch(job)
end

-- The first id of its lanes of one priority, and the names of its lane and of the other. The chained lane is looked into first
-- where something may wait in it, and last in any case.
local function first_of(share, priority, only)
  local chained, fresh = rq_lane(share.queue, priority, true, share.org), rq_lane(share.queue, priority, false, share.org)
  local letter = LETTER[priority]
  if only or string.find(share.c, letter, 1, true) then
    local id = rq_pop(chained)
    if id or only then return id, chained, fresh end
    share.c, share.changed = string.gsub(share.c, letter, ''), true
  end
  local id = rq_pop(fresh)
  if id then return id, fresh, chained end
  return rq_pop(chained), chained, fresh
end

-- One organisation's next live task of one priority, chained before fresh (or chained `only`); drops tombstones, holds what is paused.
-- Returns how many ids it took without a claim, in all, and if it found one {node, line, job, r, emptied, fresh}.
local function pop(share, priority, only, dropped, most, now, paused)
  local clock, waiting = share.clock, 'w' .. LETTER[priority]
  while dropped < most do
    local id, lane, other = first_of(share, priority, only)
    if not id and only then break end
    if id then clock[waiting] = clock[waiting] - 1 end
    local holds, known = rq_left(lane, id)
    local emptied = not holds and not rq_holds(other)
    local node = id and locate(id)
    local r = node and run_of(node)
    if r and r.state == 'ready' then
      local job, line = job_of(node.job), line_of(node, true)
      if fenced(node, job) then cancel_node(node, line, job, r.state, now, job.cause)
      elseif not known then cancel_job(job, now) -- one of RQ's tools has deleted its rq_job
      elseif paused and call('SISMEMBER', k_pauses(), 'type:' .. job.type) == 1 then hold(id, job.type)
      else return dropped, { node = node, line = line, job = job, r = r, emptied = emptied, fresh = lane == rq_lane(share.queue, priority, false, share.org) } end
    elseif id and share.org == PLAIN_ORG and rq_waits(id) then return dropped, { plain = id, emptied = emptied, fresh = true } end
    if id or emptied then dropped = dropped + 1 end -- cancelled, or pushed twice and taken already, or the lanes are gone
    if emptied then
      fair_unwait(share.queue, share.org, priority)
      break
    end
  end
  return dropped
end

local function first_but(key, passed) -- of an order, `passed` left out
  if not passed then return call('ZRANGE', key, '0', '0')[1] end
  local two = call('ZRANGE', key, '0', '1')
  return two[1] ~= passed and two[1] or two[2]
end

-- Rule 3: the first in line of a priority, `passed` left out. The share in hand stands where it belongs, not where it is written.
local function first_in_line(queue, priority, passed)
  local clock = clock_of(queue)
  local held = clock.held
  if passed then place_held(clock) end
  if passed or not held or held.parked or not string.find(held.p, LETTER[priority], 1, true) then
    return first_but(k_ready(queue, priority), passed)
  end
  local two = call('ZRANGE', k_ready(queue, priority), '0', '1', 'WITHSCORES')
  local at = two[1] == held.org and 3 or 1
  if not two[at] or held.order < tonumber(two[at + 1]) then return held.org end
  if held.order > tonumber(two[at + 1]) then return two[at] end
  place(held)
  return first_but(k_ready(queue, priority))
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
  call('ZADD', k_turns(queue, ORDER[at]), stamp(now), org)
end

-- FAIR_ORDER=chained,priority: the organisation whose turn it is among those with chained tasks, of the highest priority
-- that has any. The index may be behind (whose chained lane ran empty is still in it): what is not so is dropped from it.
local STALE = 1000 -- organisations dropped a call and priority at most; the next call goes on with them
local function chained_first(queue, passed)
  for _, priority in ipairs(ORDER) do
    for _ = 1, STALE do
      local org = first_but(k_chained(queue, priority), passed)
      if not org then break end
      if rq_holds(rq_lane(queue, priority, true, org)) then return priority, org end
      call('ZREM', k_chained(queue, priority), org)
    end
  end
end

local function waits_below(clock, at)
  for lower = at + 1, #ORDER do
    if clock['w' .. LETTER[ORDER[lower]]] > 0 then return true end
  end
end

-- Whose turn it is in a queue, `passed` left out and no turn of rule 5 if one is `kept`: priority, organisation, in a turn of
-- rule 5 the priority's place in ORDER, and whether of its chained tasks only.
local function choose(queue, passed, kept, unasked)
  local clock = clock_of(queue)
  for at, priority in ipairs(ORDER) do
    local org = (unasked or clock['w' .. LETTER[priority]] > 0) and first_in_line(queue, priority, passed)
    if org then
      if clock.t >= clock.d and not kept and waits_below(clock, at) then
        local lower, other = lower_turn(queue, at)
        if lower then return ORDER[lower], other, lower end
      end
      if CHAINED_FIRST == 1 then
        place_held(clock)
        local first, chained_org = chained_first(queue, passed)
        if first then return first, chained_org, nil, true end
      end
      return priority, org
    end
  end
  if not unasked then return choose(queue, passed, kept, true) end -- whatever the clock counts: nobody is to wait for ever
end

-- The fairest task of a queue, its run begun: what `answer` tells, and whether it is a plain RQ job; then, or if there was none, how many
-- ids were taken without a claim, in all, and whether an organisation was passed over because of what it had cancelled: a turn of
-- rule 5 is kept for it. `besides` others: no turn of rule 5, and no plain RQ job, which is done by itself.
local function serve(queue, worker, run, dropped, now, paused, besides)
  local passed, kept
  while dropped < TOMBSTONES do
    local priority, org, turn, only = choose(queue, passed, kept)
    if not priority and passed then priority, org, turn, only = choose(queue, nil, kept) end -- nobody else waits
    if not priority or (besides and (turn or org == PLAIN_ORG)) then break end
    local share = share_of(queue, org)
    if (share.own.limit > 0 and share.own.running >= share.own.limit)
        or (paused and call('SISMEMBER', k_pauses(), 'org:' .. org) == 1) then
      park(share)
      dropped = dropped + 1
    else
      local most, found = passed and TOMBSTONES or math.max(FIRST, dropped + 1), nil
      dropped, found = pop(share, priority, only, dropped, most, now, paused)
      if found then
        if turn then given_turn(queue, turn, org, now) end
        fair_take(queue, org, priority, found.emptied, found.fresh)
        if found.plain then return plain_begin(found.plain, queue, run, worker, now), true, dropped end
        begin(found.node, found.job, found.r, run, worker, now)
        return answer(found.node, found.job, found.line, found.r, now), false, dropped
      end
      if dropped >= most then passed, kept = passed or org, kept or turn end
    end
  end
  return nil, false, dropped, passed and anybody_waits(queue)
end

-- More of a queue for the same claim, each by a turn of its own, as other workers would have them.
local function serve_more(reply, queue, worker, claim, most, dropped, now, paused)
  if clock_of(queue).m >= BRIEF_US then return end
  for n = 2, most do
    local found, plain
    found, plain, dropped = serve(queue, worker, run_at(claim, n), dropped, now, paused, true)
    if not found or plain then return end
    reply[n + 1] = found
    if found[7] ~= '1' then return end
  end
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

take = function(now, worker, run, queues, most, tidied)
  local paused, more = false, false
  if call('EXISTS', k_delayed(), k_pauses(), rq_steered(queues)) > 0 then
    paused = call('EXISTS', k_pauses(), rq_steered(queues)) > 0 -- or something is in an inbox
    if paused and rq_suspended() then return { 'IDLE', '1' } end
    promote(now)
    more = paused and adopt_all(queues, now)
  end
  local dropped = 0
  for queue in string.gmatch(queues, '%S+') do
    if not (paused and call('SISMEMBER', k_pauses(), 'queue:' .. queue) == 1) then
      local found, plain, passed
      found, plain, dropped, passed = serve(queue, worker, run, dropped, now, paused)
      if plain then return found end
      if found then
        local reply = { 'CLAIMED', found }
        if most > 1 and found[7] == '1' then serve_more(reply, queue, worker, run, most, dropped, now, paused) end
        return reply
      end
      more = more or passed
    end
  end
  if not tidied then -- what others lost, or left half done, is to be had now
    local swept = sweep_oldest(now)
    if reap(now) > 0 or swept then return take(now, worker, run, queues, most, true) end
  end
  return idle(now, more or dropped >= TOMBSTONES or call('EXISTS', k_sweeps()) == 1)
end

local function again(ids, claim) -- the same call repeated: the same answer, but for what is not held any more
  local plain = plain_named(ids)
  if plain then
    local p = plain_of(plain)
    return p and p.run == claim and plain_reply(p) or nil
  end
  local reply, n = { 'CLAIMED' }, 0
  for id in names_in(ids) do
    n = n + 1
    local node = locate(id)
    local r = run_of(node)
    if r.state == 'running' and r.run == run_at(claim, n) then
      reply[#reply + 1] = answer(node, job_of(node.job), line_of(node, true), r, r.began)
    end
  end
  return reply[2] and reply or nil
end

local function ids_of(reply) -- as a worker's last claim is remembered
  if reply[1] == 'PLAIN' then return reply[2] end
  local ids = reply[2][1]
  for n = 3, #reply do ids = ids .. ',' .. reply[n][1] end
  return ids
end
