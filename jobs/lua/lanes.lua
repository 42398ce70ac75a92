-- Lanes: where ready tasks wait, first in, first out. A place in a lane is told without looking through it: each push at
-- the back gets the next serial, the share counts them (field t<priority's letter><c or f>), and the lane knows its length.
-- Needs base, rq, fair.

local function tail_of(priority, chained) return 't' .. LETTER[priority] .. (chained and 'c' or 'f') end

local function line_up(node, queue, job, now, front, chained)
  local org, priority = job.org, job.priority
  if chained == nil then chained = call('HGET', k_state(node.job), node.task .. ':c') == '1' end
  local length = rq_push(rq_lane(queue, priority, chained, org), front, node.id)
  local share = fair_wait(queue, org, priority, now)
  local clock, waiting, tail = share.clock, 'w' .. LETTER[priority], tail_of(priority, chained)
  clock[waiting] = clock[waiting] + 1
  if chained and not string.find(share.c, LETTER[priority], 1, true) then
    share.c, share.changed = share.c .. LETTER[priority], true
  end
  local serial = front and (call('HGET', share.key, tail) or 0) - length + 1 or call('HINCRBY', share.key, tail, '1')
  call('HSET', node.state, node.field, 'ready', node.field .. ':q', stamp(serial))
  if CHAINED_FIRST == 1 and chained and not share.parked then
    call('ZADD', k_chained(queue, priority), 'NX', '0', org)
    keep(share)
  end
  if not share.parked then ring(queue) end
end
