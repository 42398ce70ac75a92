-- Set an organisation's weight, and how many tasks of it may run at once in all queues together.
-- ARGV 1 now (µs, '' is Redis's)  2 org  3 weight ('' leaves it)  4 most running ('' leaves it, 0 is no limit)
-- Returns {'OK'}. Looks at every lease: as many as there are runs. Draws no arrow.
--include base rq fair lanes settle plain tally

local now, org, weight, limit = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
if weight ~= '' then call('HSET', k_org(org), 'weight', weight) end
if limit == '0' then call('HDEL', k_org(org), 'max_running', 'running')
elseif limit ~= '' then
  call('HSET', k_org(org), 'max_running', limit, 'running', tally({})['@' .. org] or 0)
end
if weight ~= '' or (limit ~= '' and limit ~= '0') then call('SADD', k_orgs(), org) end
if limit ~= '' then unpark(org, now) end
return { 'OK' }
