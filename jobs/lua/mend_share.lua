-- Bring what is counted of an organisation in a queue, and of the queue, in line with leases and lanes.
-- ARGV 1 queue  2 organisation
-- Returns {'OK'}. Repeated it changes nothing.
-- Draws no arrow.
--include base rq fair settle tally

local queue, org = ARGV[1], ARGV[2]
local running = tally({})
local share = share_of(queue, org)
share.n, share.clock.n, share.p = running[queue .. ' ' .. org] or 0, running[queue] or 0, ''
for _, priority in ipairs(ORDER) do
  local lanes = { rq_lane(queue, priority, true, org), rq_lane(queue, priority, false, org) }
  for _, lane in ipairs(lanes) do rq_list(lane) end
  if rq_length(lanes[1]) + rq_length(lanes[2]) > 0 then share.p = share.p .. LETTER[priority]
  else call('ZREM', k_ready(queue, priority), org) end
end
call('HSET', k_clock(queue), 'n', stamp(share.clock.n))
if share.p ~= '' or share.n > 0 or call('EXISTS', share.key) == 1 then
  keep(share)
  if share.p == '' and share.n == 0 then call('EXPIRE', share.key, IDLE_TTL_S) else call('PERSIST', share.key) end
end
if share.p ~= '' then ring(queue) end
return { 'OK' }
