-- Read tasks and children, each with all that is to be in line with its state: lease, delay, lane, RQ.
-- ARGV 1 '1' looks for ready ones in their lanes, which costs time by the lane's length  2… rq_job
-- Returns {'OK', now (µs), then for each {rq_job} when there is none, or
--   {rq_job, state, run, shown in RQ ('1' or ''), attempts charged, granted, ended, queue, lane, org, lease's end, due, in its lane ('1', '', '-' not looked),
--    RQ's status, RQ's origin, '1' when RQ's tools have put it in the inbox, then each registry that has it in its queue}}.
-- Draws no arrow.
--include base rq fair settle

local deep = ARGV[1] == '1'

local function see(id)
  local node = locate(id)
  local state = node and call('HGET', node.state, node.field)
  if not state or state == 'gone' then return { id } end
  local job, line, r = job_of(node.job), line_of(node), run_of(node)
  local lane, inside = lane_of(node, line, job), '-'
  if deep and state == 'ready' then inside = rq_stands(lane, id) and '1' or '' end
  local status, origin, inbox, registries = rq_seen(node, line.queue, r.run)
  return { id, state, r.run or '', r.shown and '1' or '', r.attempts, r.granted or line.attempts, call('HGET', node.state, node.field .. ':e') or '',
           line.queue, lane, job.org, call('ZSCORE', k_leases(), id .. ':' .. (r.run or '')) or '', call('ZSCORE', k_delayed(), id) or '', inside,
           status, origin, inbox and '1' or '', unpack(registries) }
end

local reply = { 'OK', stamp(clock_now('')) }
for i = 2, #ARGV do reply[#reply + 1] = see(ARGV[i]) end
return reply
