-- Read shares: what organisations wait for and run in a queue by lanes and leases, and what the counts say.
-- ARGV 1 count of rq_jobs that may run without a lease  … these  … pairs: queue, organisation
-- Returns {'OK', then for each {queue, organisation, running, running in the whole queue, the clock's n, the share's n, its p, its TTL,
--   its k, '1' when it is in parked, '1' when it may not run (paused, or at its limit), running in all queues, its limit, what that counts,
--   then per priority, highest first: length of its chained lane, of its fresh lane, whether RQ lists them ('0' no, '1' yes, '-' no room),
--   its place in ready or '', in turns or '', in chained or '' ('-' where none is kept), by how much its chained lane is told wrong,
--   its fresh lane}}.
-- Draws no arrow.
--include base rq fair lanes settle plain places tally

local extra = tonumber(ARGV[1])
local running = tally({ unpack(ARGV, 2, 1 + extra) })

local function off(queue, org, priority, chained)
  local name, field = rq_lane(queue, priority, chained, org), tail_of(priority, chained)
  return lane_off({ name = name, length = rq_length(name), tail = tonumber(call('HGET', k_fair(queue, org), field) or 0) })
end

local function see(queue, org)
  local share, own = call('HMGET', k_fair(queue, org), 'n', 'p', 'k'), org_of(org)
  local seen = { queue, org, running[queue .. '@' .. org] or 0, running[queue] or 0, call('HGET', k_clock(queue), 'n') or '0',
                 share[1] or '0', share[2] or '', call('TTL', k_fair(queue, org)), share[3] or '',
                 call('SISMEMBER', k_parked(org), queue) == 1 and '1' or '', may_not_run(own, org) and '1' or '',
                 running['@' .. org] or 0, own.limit, own.running }
  for _, priority in ipairs(ORDER) do
    local chained, fresh = rq_lane(queue, priority, true, org), rq_lane(queue, priority, false, org)
    for _, value in ipairs({ rq_length(chained), rq_length(fresh), rq_listed(chained) .. rq_listed(fresh),
                             call('ZSCORE', k_ready(queue, priority), org) or '', call('ZSCORE', k_turns(queue, priority), org) or '',
                             CHAINED_FIRST == 1 and (call('ZSCORE', k_chained(queue, priority), org) or '') or '-',
                             off(queue, org, priority, true), off(queue, org, priority, false) }) do
      seen[#seen + 1] = value
    end
  end
  return seen
end

local reply = { 'OK' }
for i = 2 + extra, #ARGV, 2 do reply[#reply + 1] = see(ARGV[i], ARGV[i + 1]) end
return reply
