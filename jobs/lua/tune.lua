-- Set an organisation's weight, and how many tasks of it may run at once in all queues together.
-- ARGV 1 now (µs, '' is Redis's)  2 org  3 weight ('' leaves it)  4 most running ('' leaves it, 0 is no limit)
-- Returns {'OK'}. Looks at every lease: as many as there are runs. Draws no arrow.
--include base rq fair lanes settle

local now, org, weight, limit = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
if weight ~= '' then call('HSET', k_org(org), 'weight', weight) end
if limit == '0' then call('HDEL', k_org(org), 'max_running', 'running')
elseif limit ~= '' then
  local running = 0
  for _, member in ipairs(call('ZRANGE', k_leases(), '0', '-1')) do
    local node = locate(string.match(member, '^(.-):'))
    if node and job_of(node.job).org == org then running = running + 1 end
  end
  call('HSET', k_org(org), 'max_running', limit, 'running', running)
end
if weight ~= '' or (limit ~= '' and limit ~= '0') then call('SADD', k_orgs(), org) end
if limit ~= '' then unpark(org, now) end
return { 'OK' }
