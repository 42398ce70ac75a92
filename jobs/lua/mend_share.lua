-- Bring what is counted of an organisation in a queue, and of the queue, in line with leases and lanes.
-- ARGV 1 now (µs, '' is Redis's)  2 queue  3 organisation
-- Returns {'OK'}. Repeated it changes nothing.
-- Draws no arrow.
--include base rq fair lanes settle plain places tally

local now, queue, org = clock_now(ARGV[1]), ARGV[2], ARGV[3]
local running = tally({})
local share, own = share_of(queue, org), org_of(org)
if own.limit > 0 then
  own.running = running['@' .. org] or 0
  call('HSET', k_org(org), 'running', own.running)
end
share.n, share.clock.n, share.p = running[queue .. '@' .. org] or 0, running[queue] or 0, ''
share.c = ''

local function see_to(priority, chained) -- one lane; returns whether it holds something
  local name, field = rq_lane(queue, priority, chained, org), tail_of(priority, chained)
  rq_list(name)
  local tail = tonumber(call('HGET', share.key, field) or 0)
  local off = lane_off({ name = name, length = rq_length(name), tail = tail })
  if off ~= 0 then call('HSET', share.key, field, stamp(tail - off)) end
  return rq_length(name) > 0
end

for _, priority in ipairs(ORDER) do
  local chained, fresh = see_to(priority, true), see_to(priority, false)
  if chained then share.c = share.c .. LETTER[priority] end
  if chained or fresh then share.p = share.p .. LETTER[priority] else leave_order(share, priority) end
end

local parked = share.parked or call('SISMEMBER', k_parked(org), queue) == 1
if share.p == '' or not parked then
  share.parked = false
  call('SREM', k_parked(org), queue)
  call('HDEL', share.key, 'k')
elseif may_not_run(own, org) then park(share)
else
  call('SADD', k_parked(org), queue)
  unpark(org, now)
end
if not share.parked then
  for letter in string.gmatch(share.p, '.') do
    local priority = PRIORITIES[letter]
    call('ZADD', k_turns(queue, priority), 'NX', stamp(now), org)
    if CHAINED_FIRST == 1 and rq_length(rq_lane(queue, priority, true, org)) > 0 then
      call('ZADD', k_chained(queue, priority), 'NX', '0', org) -- keep gives it its place
    end
  end
end
if share.p ~= '' or share.n > 0 or call('EXISTS', share.key) == 1 then
  keep(share)
  if share.p ~= '' or share.n > 0 then call('PERSIST', share.key) end
end
if share.p ~= '' and not share.parked then ring(queue) end
return { 'OK' }
