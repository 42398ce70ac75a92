-- What waits in a queue, all organisations together. Needs base, rq, fair.

-- Ids in the lanes of one priority. Who waits is in ready or parked, and who is parked is paused or has a limit: so all are
-- found; `more` are organisations that are to be looked at besides.
local function depth_of(queue, priority, more)
  local seen, depth = {}, 0
  local function add(org)
    if seen[org] then return end
    seen[org] = true
    depth = depth + rq_length(rq_lane(queue, priority, true, org)) + rq_length(rq_lane(queue, priority, false, org))
  end
  local held = clock_of(queue).held
  if held then add(held.org) end
  for _, org in ipairs(call('ZRANGE', k_ready(queue, priority), '0', '-1')) do add(org) end
  for _, org in ipairs(call('SMEMBERS', k_orgs())) do add(org) end
  for _, member in ipairs(call('SMEMBERS', k_pauses())) do
    local org = string.match(member, '^org:(.*)$')
    if org then add(org) end
  end
  for _, org in ipairs(more) do add(org) end
  return depth
end
