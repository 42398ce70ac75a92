-- Read shares: what organisations wait for and run in a queue by lanes and leases, and what the counts say.
-- ARGV 1 count of rq_jobs that may run without a lease  … these  … pairs: queue, organisation
-- Returns {'OK', then for each {queue, org, running, running in the whole queue, the clock's n, the share's n, its p, its TTL,
--   then per priority, highest first: length of its chained lane, of its fresh lane, whether RQ lists them ('0' no, '1' yes, '-' no room), its place in ready or ''}}.
-- Draws no arrow.
--include base rq fair settle tally

local extra = tonumber(ARGV[1])
local running = tally({ unpack(ARGV, 2, 1 + extra) })

local function see(queue, org)
  local clock, share = call('HGET', k_clock(queue), 'n') or '0', call('HMGET', k_fair(queue, org), 'n', 'p')
  local seen = { queue, org, running[queue .. ' ' .. org] or 0, running[queue] or 0, clock, share[1] or '0', share[2] or '',
                 call('TTL', k_fair(queue, org)) }
  for _, priority in ipairs(ORDER) do
    local chained, fresh = rq_lane(queue, priority, true, org), rq_lane(queue, priority, false, org)
    seen[#seen + 1] = rq_length(chained)
    seen[#seen + 1] = rq_length(fresh)
    seen[#seen + 1] = rq_listed(chained) .. rq_listed(fresh)
    seen[#seen + 1] = call('ZSCORE', k_ready(queue, priority), org) or ''
  end
  return seen
end

local reply = { 'OK' }
for i = 2 + extra, #ARGV, 2 do reply[#reply + 1] = see(ARGV[i], ARGV[i + 1]) end
return reply
