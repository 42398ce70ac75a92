-- Pause or resume what claims may take from; effective before the next claim.
-- ARGV 1 `queue:<queue>`  2 '1' pauses, '0' resumes
-- Returns {'OK', 1 when that changed something}. Draws no arrow.
--include base rq fair settle

local what, on = ARGV[1], ARGV[2] == '1'
local changed = call(on and 'SADD' or 'SREM', k_pauses(), what)
if not on and changed == 1 then ring((string.gsub(what, '^queue:', ''))) end
return { 'OK', changed }
