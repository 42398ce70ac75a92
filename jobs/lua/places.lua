-- Where ready tasks are told to stand in their lanes, and where they do. Needs base, rq, fair, lanes, settle.

local LAST = 3 -- ids at the end of a lane by which its count of pushes is judged

-- A node's lane: its name, its length and the serial of its last push.
local function lane_of(node, queue, job)
  local chained = call('HGET', k_state(node.job), node.task .. ':c') == '1'
  local name = rq_lane(queue, job.priority, chained, job.org)
  return { name = name, length = rq_length(name), field = tail_of(job.priority, chained),
           tail = tonumber(call('HGET', k_fair(queue, job.org), tail_of(job.priority, chained)) or 0) }
end

local function told_place(node, lane) -- nil: none was ever told
  local serial = call('HGET', node.state, node.field .. ':q')
  return serial and lane.length - lane.tail + serial - 1 or nil
end

local function stands_as_told(node, lane)
  local place = told_place(node, lane)
  return place ~= nil and rq_at(lane.name, place) == node.id
end

-- By how many places all that stand at the end of a lane are told wrong: then the count of pushes is, and not they. 0 when
-- one is told right, or none is ready.
local function lane_off(lane)
  local off = 0
  local last = rq_last(lane.name, LAST)
  for i = #last, 1, -1 do
    local node = locate(last[i])
    if node and call('HGET', node.state, node.field) == 'ready' then
      if stands_as_told(node, lane) then return 0 end
      local place = told_place(node, lane)
      if off == 0 and place then off = lane.length - #last + i - 1 - place end
    end
  end
  return off
end
