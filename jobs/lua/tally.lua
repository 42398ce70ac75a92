-- Count what runs, by the leases: they are as many as there are runs, however much waits. Needs base, rq, fair, lanes, settle, plain.

-- Returns counts by queue, by organisation (`@acme`), and by both (`long@acme`); `more` are tasks that may run without a lease.
local function tally(more)
  local counts, counted = {}, {}
  local function add(queue, org)
    for _, what in ipairs({ queue, '@' .. org, queue .. '@' .. org }) do counts[what] = (counts[what] or 0) + 1 end
  end
  local function count(id, run)
    local node = locate(id)
    if not node or counted[id] then return end
    local r = run_of(node)
    if r.state ~= 'running' or (run and r.run ~= run) then return end
    local org = job_of(node.job).org
    if not org or call('HEXISTS', node.tasks, node.n and '*' or node.field) == 0 then return end
    local queue = line_of(node).queue
    counted[id] = true
    add(queue, org)
  end
  for _, member in ipairs(call('ZRANGE', k_leases(), '0', '-1')) do
    local id, run = string.match(member, '^(.-):(.*)$')
    if plain_named(id) then
      local p = plain_of(plain_named(id))
      if p and p.run == run then add(p.queue, PLAIN_ORG) end
    elseif id then count(id, run) end
  end
  for _, id in ipairs(more) do count(id) end
  return counts
end

local function may_not_run(own, org)
  return (own.limit > 0 and own.running >= own.limit) or call('SISMEMBER', k_pauses(), 'org:' .. org) == 1
end
