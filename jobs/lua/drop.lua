-- Take an id out of a set that tells of it what is not so; where it belongs by now it stays.
-- ARGV 1 set: leases | delayed | jobs | user <user> | org <org> | status <status> | registry <name> <queue>  2 member  3 '1' only looks
-- Returns {'OK', 1 when it is not so, and was taken out}. Repeated it changes nothing.
-- Draws no arrow.
--include base rq fair lanes settle plain

local set, of, queue = string.match(ARGV[1], '^(%S+) ?(%S*) ?(%S*)$')
local member, only_look = ARGV[2], ARGV[3] == '1'
local id, run = string.match(member, '^([^:]*):?(.*)$')

local function node_is(state)
  local node = locate(id)
  return node and call('HGET', node.state, node.field) == state and node
end

local function of_job(field) -- unless it is gone
  local status = call('HGET', k_job(member), 'status')
  return status and status ~= 'deleted' and call('HGET', k_job(member), field)
end

local function drop(key)
  if only_look then return { 'OK', call('ZSCORE', key, member) and 1 or 0 } end
  return { 'OK', call('ZREM', key, member) }
end
local kept = { 'OK', 0 }

if set == 'leases' then
  if plain_named(id) then
    local p = plain_of(plain_named(id))
    return p and p.run == run and kept or drop(k_leases())
  end
  local node = node_is('running')
  return node and run_of(node).run == run and kept or drop(k_leases())
elseif set == 'delayed' then return node_is('delayed') and kept or drop(k_delayed())
elseif set == 'jobs' then return of_job('status') and kept or drop(k_jobs())
elseif set == 'user' then return of_job('user') == of and kept or drop(k_user_jobs(of))
elseif set == 'org' then return of_job('org') == of and kept or drop(k_org_jobs(of))
elseif set == 'status' then return of_job('status') == of and kept or drop(k_status(of)) end
local node = locate(id) -- a registry: a task that is there belongs to those of its own queue, which mend_task sees to
local state = node and call('HGET', node.state, node.field)
if state and state ~= 'gone' and line_of(node).queue == queue then return kept end
return drop(rq_registry(of, queue))
